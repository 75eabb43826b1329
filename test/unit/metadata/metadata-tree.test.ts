import { expect, test } from 'vitest'
import { identityDocument, metadataTree, readPath } from '../../../src/metadata/tree.ts'
import { sampleInstance } from './sample-instance.ts'

function read(path: string, instance = sampleInstance()): string | undefined {
  return readPath(
    instance,
    path.split('/').filter((segment) => segment !== ''),
  )?.toString()
}

/** Every leaf that following the listings from a directory leads to, the way cloud-init walks. */
function walk(directory: string, instance = sampleInstance()): string[] {
  return (read(directory, instance) ?? '').split('\n').flatMap((name) => {
    if (name.endsWith('/')) return walk(`${directory}${name}`, instance)
    const key = /^(\d+)=/.exec(name)
    return [key ? `${directory}${key[1]}/openssh-key` : `${directory}${name}`]
  })
}

test('the tree of an instance with everything', () => {
  expect(metadataTree(sampleInstance())).toMatchInlineSnapshot(`
    {
      "ami-id": "ami-0aaaaaaaaaaaaaaaa",
      "ami-launch-index": "0",
      "ami-manifest-path": "(unknown)",
      "block-device-mapping": {
        "ami": "/dev/xvda",
        "root": "/dev/xvda",
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
      "system": "xen-on-nitro",
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
  for (const instance of [sampleInstance(), bare]) {
    const leaves = walk('/meta-data/', instance)
    expect(leaves).toContain('/meta-data/instance-id')
    expect(leaves.filter((leaf) => read(leaf, instance) === undefined)).toEqual([])
  }
})

test('what an instance does not have is absent', () => {
  const { publicIp: _ip, publicHostname: _name, publicKey: _key, userData: _data, ...bare } = sampleInstance()
  for (const leaf of [
    'public-ipv4',
    'public-hostname',
    'public-keys/',
    'iam/',
    'spot/',
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
  expect(read('/dynamic/')).toBe('instance-identity/')
  expect(read('/dynamic/instance-identity')).toBe('document')
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
