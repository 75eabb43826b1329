import { expect, test } from 'vitest'
import { identityDocument } from '../../../src/metadata/identity-document.ts'
import { metadataTree, readPath } from '../../../src/metadata/tree.ts'
import { fullInstance, sampleInstance } from './sample-instance.ts'

function read(path: string, instance = sampleInstance(), version = 'latest'): string | undefined {
  const segments = path.split('/').filter((segment) => segment !== '')
  const read = readPath({ sign: async () => ({ pkcs7: 'P', signature: 'S' }) }, instance, segments, version)
  return read instanceof Promise ? 'promised' : read?.toString()
}

/** Every leaf that following the listings from a directory leads to, the way cloud-init walks. */
function walk(directory: string, instance = sampleInstance(), version = 'latest'): string[] {
  return (read(directory, instance, version) ?? '').split('\n').flatMap((name) => {
    if (name.endsWith('/')) return walk(`${directory}${name}`, instance, version)
    const key = /^(\d+)=/.exec(name)
    return [key ? `${directory}${key[1]}/openssh-key` : `${directory}${name}`]
  })
}

test('the tree of an instance', () => {
  const { 'identity-credentials': _credentials, ...tree } = metadataTree(sampleInstance())
  expect(tree).toMatchInlineSnapshot(`
    {
      "ami-id": "ami-0aaaaaaaaaaaaaaaa",
      "ami-launch-index": "0",
      "ami-manifest-path": "(unknown)",
      "block-device-mapping": {
        "ami": "/dev/xvda",
        "root": "/dev/xvda",
      },
      "events": {
        "maintenance": {
          "history": "[]",
          "scheduled": "[]",
        },
      },
      "hibernation": {
        "configured": "false",
      },
      "hostname": "ip-172-31-0-5.ec2.internal",
      "instance-action": "none",
      "instance-id": "i-0123456789abcdef0",
      "instance-life-cycle": "on-demand",
      "instance-type": "t3.micro",
      "local-hostname": "ip-172-31-0-5.ec2.internal",
      "local-ipv4": "172.31.0.5",
      "mac": "02:00:00:00:00:05",
      "network": {
        "interfaces": {
          "macs": {
            "02:00:00:00:00:05": {
              "device-number": "0",
              "interface-id": "eni-0cccccccccccccccc",
              "ipv4-associations": {
                "127.80.0.10": "172.31.0.5",
              },
              "local-hostname": "ip-172-31-0-5.ec2.internal",
              "local-ipv4s": "172.31.0.5",
              "mac": "02:00:00:00:00:05",
              "network-card": "0",
              "owner-id": "123456789012",
              "public-hostname": "ec2-127-80-0-10.compute-1.amazonaws.com",
              "public-ipv4s": "127.80.0.10",
              "security-group-ids": "sg-0ffffffffffffffff
    sg-01111111111111111",
              "security-groups": "default
    web",
              "subnet-id": "subnet-0eeeeeeeeeeeeeee",
              "subnet-ipv4-cidr-block": "172.31.0.0/20",
              "vpc-id": "vpc-0dddddddddddddddd",
              "vpc-ipv4-cidr-block": "172.31.0.0/16",
              "vpc-ipv4-cidr-blocks": "172.31.0.0/16",
            },
          },
        },
      },
      "placement": {
        "availability-zone": "us-east-1a",
        "availability-zone-id": "use1-az1",
        "region": "us-east-1",
      },
      "profile": "default-hvm",
      "public-hostname": "ec2-127-80-0-10.compute-1.amazonaws.com",
      "public-ipv4": "127.80.0.10",
      "public-keys": {
        "0": {
          "openssh-key": "ssh-ed25519 AAAA laptop",
        },
      },
      "reservation-id": "r-0bbbbbbbbbbbbbbbb",
      "security-groups": "default
    web",
      "services": {
        "domain": "amazonaws.com",
        "endpoint": "http://169.254.169.254:8773",
        "partition": "aws",
      },
      "system": "nitro",
      "tags": {
        "instance": {
          "Name": "web one",
          "Stage": "test",
        },
      },
    }
  `)
})

test('the identity document', () => {
  expect(identityDocument(sampleInstance())).toMatchInlineSnapshot(`
    "{
      "accountId": "123456789012",
      "architecture": "x86_64",
      "availabilityZone": "us-east-1a",
      "billingProducts": null,
      "devpayProductCodes": null,
      "marketplaceProductCodes": null,
      "imageId": "ami-0aaaaaaaaaaaaaaaa",
      "instanceId": "i-0123456789abcdef0",
      "instanceType": "t3.micro",
      "kernelId": null,
      "pendingTime": "2026-01-02T03:04:05Z",
      "privateIp": "172.31.0.5",
      "ramdiskId": null,
      "region": "us-east-1",
      "version": "2017-09-30"
    }"
  `)
})

test('product codes of the marketplace', () => {
  const instance = sampleInstance({ productCodes: ['acme1acme2acme3acme4acme5', 'b1b2b3b4b5b1b2b3b4b5b1b2b'] })
  expect(metadataTree(instance)['product-codes']).toBe('acme1acme2acme3acme4acme5\nb1b2b3b4b5b1b2b3b4b5b1b2b')
  expect(JSON.parse(identityDocument(instance))).toMatchObject({ marketplaceProductCodes: instance.productCodes })
  expect(metadataTree(sampleInstance())).not.toHaveProperty('product-codes')
})

test('every leaf that is listed answers, with and without the optional parts', () => {
  const {
    publicIp: _ip,
    publicHostname: _name,
    publicKey: _key,
    userData: _data,
    tags: _tags,
    ...bare
  } = sampleInstance()
  for (const instance of [fullInstance(), sampleInstance(), bare]) {
    for (const version of ['1.0', '2009-04-04', '2016-06-30', '2021-03-23', 'latest']) {
      const leaves = [...walk('/meta-data/', instance, version), ...dynamicLeaves(instance, version)]
      expect(leaves).toContain('/meta-data/instance-id')
      expect(leaves.filter((leaf) => read(leaf, instance, version) === undefined)).toEqual([])
      expect(leaves.filter((leaf) => read(`${leaf}/`, instance, version) === undefined)).toEqual([])
    }
  }
})

function dynamicLeaves(instance: ReturnType<typeof sampleInstance>, version: string): string[] {
  return read('/dynamic', instance, version) === undefined ? [] : walk('/dynamic/', instance, version)
}

test('an instance with everything has every category that EC2 documents and that can be here', () => {
  const mac = 'network/interfaces/macs/02:00:00:00:00:05'
  expect(
    walk('/meta-data/', fullInstance()).map((leaf) => leaf.replace('/meta-data/', '').replace(mac, 'MAC')),
  ).toMatchInlineSnapshot(`
    [
      "ami-id",
      "ami-launch-index",
      "ami-manifest-path",
      "ancestor-ami-ids",
      "block-device-mapping/ami",
      "block-device-mapping/root",
      "block-device-mapping/ebs1",
      "events/maintenance/history",
      "events/maintenance/scheduled",
      "events/recommendations/rebalance",
      "hibernation/configured",
      "hostname",
      "iam/info",
      "iam/security-credentials/web",
      "identity-credentials/ec2/info",
      "identity-credentials/ec2/security-credentials/ec2-instance",
      "instance-action",
      "instance-id",
      "instance-life-cycle",
      "instance-type",
      "ipv6",
      "local-hostname",
      "local-ipv4",
      "mac",
      "managed-ssh-keys/active-keys/ec2-user",
      "MAC/device-number",
      "MAC/interface-id",
      "MAC/ipv4-associations/127.80.0.10",
      "MAC/ipv4-associations/127.80.0.11",
      "MAC/ipv6s",
      "MAC/local-hostname",
      "MAC/local-ipv4s",
      "MAC/mac",
      "MAC/network-card",
      "MAC/owner-id",
      "MAC/public-hostname",
      "MAC/public-ipv4s",
      "MAC/security-group-ids",
      "MAC/security-groups",
      "MAC/subnet-id",
      "MAC/subnet-ipv4-cidr-block",
      "MAC/subnet-ipv6-cidr-blocks",
      "MAC/vpc-id",
      "MAC/vpc-ipv4-cidr-block",
      "MAC/vpc-ipv4-cidr-blocks",
      "MAC/vpc-ipv6-cidr-blocks",
      "placement/availability-zone",
      "placement/availability-zone-id",
      "placement/group-name",
      "placement/partition-number",
      "placement/region",
      "product-codes",
      "profile",
      "public-hostname",
      "public-ipv4",
      "public-keys/0/openssh-key",
      "reservation-id",
      "security-groups",
      "services/domain",
      "services/endpoint",
      "services/partition",
      "spot/instance-action",
      "spot/termination-time",
      "system",
      "tags/instance/Name",
      "tags/instance/Stage",
    ]
  `)
  expect(walk('/dynamic/', fullInstance())).toMatchInlineSnapshot(`
    [
      "/dynamic/fws/instance-monitoring",
      "/dynamic/instance-identity/document",
      "/dynamic/instance-identity/pkcs7",
      "/dynamic/instance-identity/rsa2048",
      "/dynamic/instance-identity/signature",
    ]
  `)
})

test('an older version lacks what came later', () => {
  const list = (version: string, path = '/meta-data') => read(path, fullInstance(), version)?.split('\n')
  expect(list('1.0', '/')).toEqual(['meta-data', 'user-data'])
  expect(list('1.0')).toEqual([
    ...['ami-id', 'ami-launch-index', 'ami-manifest-path', 'hostname', 'instance-id', 'local-ipv4'],
    ...['profile', 'public-keys/', 'reservation-id', 'security-groups'],
  ])
  expect(read('/meta-data/public-ipv4', fullInstance(), '1.0')).toBeUndefined()
  expect(list('2009-04-04', '/')).toEqual(['dynamic', 'meta-data', 'user-data'])
  expect(list('2009-04-04')).not.toContain('network/')
  expect(list('2009-04-04', '/meta-data/placement')).toEqual(['availability-zone'])
  expect(list('2014-11-05', '/meta-data/spot')).toEqual(['termination-time'])
  expect(list('2018-09-24', '/meta-data/events')).toEqual(['maintenance/'])
  expect(list('2021-01-03', '/meta-data')).toContain('ipv6')
  expect(list('2021-01-03', '/meta-data')).not.toContain('tags/')
  expect(list('2016-04-19', '/meta-data/network/interfaces/macs/02:00:00:00:00:05')).not.toContain('ipv6s')
  expect(list('latest')).toEqual(list('2024-04-11'))
})

test('documents of credentials and events', () => {
  const at = (path: string) => JSON.parse(read(`/meta-data/${path}`, fullInstance()) ?? '')
  expect(at('iam/info')).toEqual({
    Code: 'Success',
    LastUpdated: '2026-01-02T03:04:05Z',
    InstanceProfileArn: 'arn:aws:iam::123456789012:instance-profile/web',
    InstanceProfileId: 'AIPA0000000000000000W',
  })
  const credentials = (AccessKeyId: string) => ({
    ...{ Code: 'Success', LastUpdated: '2026-01-02T03:04:05Z', Type: 'AWS-HMAC', AccessKeyId },
    ...{ SecretAccessKey: 'secret', Token: 'token', Expiration: '2026-01-02T09:00:00Z' },
  })
  expect(at('iam/security-credentials/web')).toEqual(credentials('ASIAROLE'))
  expect(at('identity-credentials/ec2/security-credentials/ec2-instance')).toEqual(credentials('ASIAIDENTITY'))
  expect(at('identity-credentials/ec2/info')).toEqual({
    ...{ Code: 'Success', LastUpdated: '2026-01-02T03:04:05Z', AccountId: '123456789012' },
  })
  expect(at('spot/instance-action')).toEqual({ action: 'terminate', time: '2026-01-02T05:00:00Z' })
  expect(at('events/recommendations/rebalance')).toEqual({ noticeTime: '2026-01-02T04:00:00Z' })
  const event = { NotBefore: '21 Jan 2026 09:00:43 GMT', NotAfter: '21 Jan 2026 09:17:23 GMT', Code: 'system-reboot' }
  const EventId = 'instance-event-0d59937288b749b32'
  expect(at('events/maintenance/scheduled')).toEqual([
    { ...event, EventId, Description: 'scheduled reboot', State: 'active' },
  ])
  expect(at('events/maintenance/history')).toEqual([
    { ...event, EventId, Description: '[Canceled] scheduled reboot', State: 'canceled' },
  ])
})

test('what an instance does not have is absent', () => {
  const { publicIp: _ip, publicHostname: _name, publicKey: _key, userData: _data, ...bare } = sampleInstance()
  for (const leaf of [
    'public-ipv4',
    'public-hostname',
    'public-keys/',
    'iam/',
    'spot/',
    'events/recommendations',
    'ancestor-ami-ids',
    'ipv6',
    'ramdisk-id',
    'placement/host-id',
    'autoscaling/',
    'kernel-id',
    'product-codes',
  ]) {
    expect(read(`/meta-data/${leaf}`, bare)).toBeUndefined()
  }
  expect(read('/user-data', bare)).toBeUndefined()
  expect(read('/', bare)).toBe('dynamic\nmeta-data')
})

test('tags are served only when that is enabled', () => {
  const { options } = sampleInstance()
  const hidden = sampleInstance({ options: { ...options, areTagsEnabled: false } })
  expect(read('/meta-data/tags/instance/')).toBe('Name\nStage')
  expect(read('/meta-data/tags/instance/Name')).toBe('web one')
  expect(read('/meta-data/tags/', hidden)).toBeUndefined()
})

test('directories list their names, directories among them with a slash', () => {
  expect(read('/')).toBe('dynamic\nmeta-data\nuser-data')
  expect(read('/dynamic/')).toBe('fws/\ninstance-identity/')
  expect(read('/dynamic/instance-identity')).toBe('document\npkcs7\nrsa2048\nsignature')
  expect(read('/meta-data/public-keys')).toBe('0=laptop')
  expect(read('/meta-data/public-keys/0/')).toBe('openssh-key')
  expect(read('/meta-data/network/interfaces/macs/')).toBe('02:00:00:00:00:05/')
})

test('the partition follows the region', () => {
  expect(read('/meta-data/services/partition', sampleInstance({ region: 'cn-north-1' }))).toBe('aws-cn')
  expect(read('/meta-data/services/domain', sampleInstance({ region: 'cn-north-1' }))).toBe('amazonaws.com.cn')
  expect(read('/meta-data/services/partition', sampleInstance({ region: 'us-gov-west-1' }))).toBe('aws-us-gov')
})

test('a spot instance is told of its end under spot, once there is one', () => {
  expect(read('meta-data/spot')).toBeUndefined()
  const spotInterruption = { action: 'terminate' as const, time: new Date('2026-01-02T03:04:05.678Z') }
  const interrupted = sampleInstance({ lifeCycle: 'spot', spotInterruption })
  expect(read('meta-data/instance-life-cycle', interrupted)).toBe('spot')
  expect(read('meta-data/spot/instance-action', interrupted)).toBe(
    '{"action":"terminate","time":"2026-01-02T03:04:05Z"}',
  )
  expect(read('meta-data/spot/termination-time', interrupted)).toBe('2026-01-02T03:04:05Z')
})
