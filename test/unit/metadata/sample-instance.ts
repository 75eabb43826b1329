import type { InstanceMetadata } from '../../../src/ec2/ports/metadata.ts'

/** An instance with a public address, a key and user data; tests change what they look at. */
export function sampleInstance(changes: Partial<InstanceMetadata> = {}): InstanceMetadata {
  return {
    instanceId: 'i-0123456789abcdef0',
    accountId: '123456789012',
    imageId: 'ami-0aaaaaaaaaaaaaaaa',
    ancestorImageIds: [],
    instanceType: 't3.micro',
    lifeCycle: 'on-demand',
    scheduledEvents: [],
    pastEvents: [],
    hypervisor: 'nitro',
    isMonitored: false,
    isHibernationConfigured: false,
    architecture: 'x86_64',
    launchIndex: 0,
    launchTime: new Date('2026-01-02T03:04:05.678Z'),
    reservationId: 'r-0bbbbbbbbbbbbbbbb',
    region: 'us-east-1',
    availabilityZone: 'us-east-1a',
    availabilityZoneId: 'use1-az1',
    localHostname: 'ip-172-31-0-5.ec2.internal',
    privateIp: '172.31.0.5',
    publicIp: '127.80.0.10',
    publicHostname: 'ec2-127-80-0-10.compute-1.amazonaws.com',
    securityGroupNames: ['default', 'web'],
    publicKey: { name: 'laptop', openSshKey: 'ssh-ed25519 AAAA' },
    blockDeviceMapping: { ami: '/dev/xvda', root: '/dev/xvda' },
    interfaces: [
      {
        mac: '02:00:00:00:00:05',
        interfaceId: 'eni-0cccccccccccccccc',
        deviceNumber: 0,
        networkCard: 0,
        ownerId: '123456789012',
        vpcId: 'vpc-0dddddddddddddddd',
        vpcCidrs: ['172.31.0.0/16'],
        subnetId: 'subnet-0eeeeeeeeeeeeeee',
        subnetCidr: '172.31.0.0/20',
        privateIps: ['172.31.0.5'],
        localHostname: 'ip-172-31-0-5.ec2.internal',
        publicIps: [{ publicIp: '127.80.0.10', privateIp: '172.31.0.5' }],
        publicIp: '127.80.0.10',
        publicHostname: 'ec2-127-80-0-10.compute-1.amazonaws.com',
        securityGroupIds: ['sg-0ffffffffffffffff', 'sg-01111111111111111'],
        securityGroupNames: ['default', 'web'],
      },
    ],
    tags: { Name: 'web one', Stage: 'test', 'not/served': 'x' },
    userData: Buffer.from([0x1f, 0x8b, 0x00, 0xff]),
    identity: { updatedAt: new Date('2026-01-02T03:04:05.678Z'), credentials: () => sampleCredentials('ASIAIDENTITY') },
    options: { isEnabled: true, tokens: 'optional', hopLimit: 1, areTagsEnabled: true },
    ...changes,
  }
}

/** An instance with all that the metadata may tell of one. */
export function fullInstance(): InstanceMetadata {
  const [primary] = sampleInstance().interfaces
  if (!primary) throw new Error('no interface')
  return sampleInstance({
    lifeCycle: 'spot',
    spotInterruption: { action: 'terminate', time: new Date('2026-01-02T05:00:00Z') },
    rebalanceNoticeTime: new Date('2026-01-02T04:00:00Z'),
    ancestorImageIds: ['ami-0bbbbbbbbbbbbbbbb', 'ami-0cccccccccccccccc'],
    ipv6: '2001:db8::5',
    activeKeys: { 'ec2-user': 'ssh-ed25519 BBBB' },
    blockDeviceMapping: { ami: '/dev/xvda', root: '/dev/xvda', ebs1: '/dev/sdf' },
    placementGroup: { name: 'racks', partitionNumber: 2 },
    productCodes: ['acme1acme2acme3acme4acme5'],
    role: {
      name: 'web',
      profileArn: 'arn:aws:iam::123456789012:instance-profile/web',
      profileId: 'AIPA0000000000000000W',
      updatedAt: new Date('2026-01-02T03:04:05Z'),
      credentials: () => sampleCredentials('ASIAROLE'),
    },
    scheduledEvents: [sampleEvent('active', 'scheduled reboot')],
    pastEvents: [sampleEvent('canceled', '[Canceled] scheduled reboot')],
    interfaces: [
      {
        ...primary,
        vpcCidrs: ['172.31.0.0/16', '10.1.0.0/16'],
        privateIps: ['172.31.0.5', '172.31.0.6'],
        publicIps: [
          { publicIp: '127.80.0.10', privateIp: '172.31.0.5' },
          { publicIp: '127.80.0.11', privateIp: '172.31.0.6' },
        ],
        ipv6s: ['2001:db8::5'],
        subnetIpv6Cidrs: ['2001:db8::/64'],
        vpcIpv6Cidrs: ['2001:db8::/56'],
      },
    ],
  })
}

function sampleEvent(state: 'active' | 'canceled', description: string): InstanceMetadata['scheduledEvents'][number] {
  return {
    id: 'instance-event-0d59937288b749b32',
    code: 'system-reboot',
    description,
    state,
    notBefore: new Date('2026-01-21T09:00:43Z'),
    notAfter: new Date('2026-01-21T09:17:23Z'),
  }
}

function sampleCredentials(accessKeyId: string) {
  return {
    accessKeyId,
    secretAccessKey: 'secret',
    sessionToken: 'token',
    expiresAt: new Date('2026-01-02T09:00:00Z'),
  }
}
