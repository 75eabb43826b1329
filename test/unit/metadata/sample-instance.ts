import type { InstanceMetadata } from '../../../src/ec2/ports/metadata.ts'

/** An instance with a public address, a key and user data; tests change what they look at. */
export function sampleInstance(changes: Partial<InstanceMetadata> = {}): InstanceMetadata {
  return {
    instanceId: 'i-0123456789abcdef0',
    accountId: '123456789012',
    imageId: 'ami-0aaaaaaaaaaaaaaaa',
    instanceType: 't3.micro',
    lifeCycle: 'on-demand',
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
    options: { isEnabled: true, tokens: 'optional', hopLimit: 1, areTagsEnabled: true },
    ...changes,
  }
}
