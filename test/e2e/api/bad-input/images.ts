import type { BadInput, LabFacts } from './bad-input.ts'

function register(facts: LabFacts, more: object) {
  return {
    Name: 'another',
    Architecture: 'x86_64',
    RootDeviceName: '/dev/xvda',
    BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId: facts.snapshotId } }],
    ...more,
  }
}

/** Images and snapshots. */
export const badImages: BadInput[] = [
  [
    'an image name with a command',
    'RegisterImage',
    (facts) => register(facts, { Name: 'x;reboot' }),
    'InvalidAMIName.Malformed',
    'AMI names must be between 3 and 128 characters long',
  ],
  [
    'an image name that is taken',
    'RegisterImage',
    (facts) => register(facts, { Name: 'empty' }),
    'InvalidAMIName.Duplicate',
    'AMI name empty is already in use by another AMI',
  ],
  [
    'no root device',
    'RegisterImage',
    (facts) => register(facts, { RootDeviceName: '/dev/sdq' }),
    'InvalidParameterValue',
    'No block device mapping has a snapshot for the root device.',
  ],
  [
    'a snapshot that is not there',
    'RegisterImage',
    (facts) =>
      register(facts, { BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId: 'snap-01234567' } }] }),
    'InvalidSnapshot.NotFound',
    'snap-01234567',
  ],
  [
    'a device name twice',
    'RegisterImage',
    (facts) => {
      const { BlockDeviceMappings } = register(facts, {})
      return register(facts, { BlockDeviceMappings: [...BlockDeviceMappings, ...BlockDeviceMappings] })
    },
    'InvalidBlockDeviceMapping',
    'used twice',
  ],
  [
    'a speed of a device',
    'RegisterImage',
    (facts) => {
      const Ebs = { SnapshotId: facts.snapshotId, Iops: 4000 }
      return register(facts, { BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs }] })
    },
    'InvalidParameterValue',
    'iops per GiB',
  ],
  [
    'another virtualization',
    'RegisterImage',
    (facts) => register(facts, { VirtualizationType: 'paravirtual' }),
    'UnsupportedOperation',
    'VirtualizationType',
  ],
  [
    'an image that is not there',
    'DeregisterImage',
    () => ({ ImageId: 'ami-0123456789abcdef0' }),
    'InvalidAMIID.NotFound',
    'does not exist',
  ],
  [
    'a snapshot that an image maps',
    'DeleteSnapshot',
    (facts) => ({ SnapshotId: facts.snapshotId }),
    'InvalidSnapshot.InUse',
    'is currently in use by ami-',
  ],
  [
    'a dry deregistration',
    'DeregisterImage',
    (facts) => ({ ImageId: facts.imageId, DryRun: true }),
    'DryRunOperation',
    'Request would have succeeded',
  ],
]
