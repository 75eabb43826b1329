import type { BadInput } from './bad-input.ts'

/** What cannot be done to a stopped instance. */
export const badInstanceCalls: BadInput[] = [
  [
    'a reboot of what is stopped',
    'RebootInstances',
    (facts) => ({ InstanceIds: [facts.stoppedId] }),
    'IncorrectInstanceState',
    'is not in a state from which it can be rebooted.',
  ],
  [
    'a screenshot of what is stopped',
    'GetConsoleScreenshot',
    (facts) => ({ InstanceId: facts.stoppedId }),
    'IncorrectInstanceState',
    "is not in the 'running' state.",
  ],
  [
    'hibernation',
    'StopInstances',
    (facts) => ({ InstanceIds: [facts.stoppedId], Hibernate: true }),
    'UnsupportedHibernationConfiguration',
    'HibernationOptions.Configured',
  ],
  [
    'a type that there is not',
    'ModifyInstanceAttribute',
    (facts) => ({ InstanceId: facts.stoppedId, InstanceType: { Value: 'm5.huge' } }),
    'InvalidParameterValue',
    "Invalid value 'm5.huge' for InstanceType.",
  ],
  [
    'no attribute',
    'ModifyInstanceAttribute',
    (facts) => ({ InstanceId: facts.stoppedId }),
    'InvalidParameterCombination',
    'No attributes specified.',
  ],
  [
    'two attributes',
    'ModifyInstanceAttribute',
    (facts) => ({ InstanceId: facts.stoppedId, DisableApiStop: { Value: true }, EbsOptimized: { Value: true } }),
    'InvalidParameterCombination',
    'Fields for multiple attribute types specified',
  ],
  [
    'another shutdown behaviour',
    'ModifyInstanceAttribute',
    (facts) => ({ InstanceId: facts.stoppedId, InstanceInitiatedShutdownBehavior: { Value: 'explode' } }),
    'InvalidParameterValue',
    'Expected stop or terminate.',
  ],
  [
    'a device that is not there',
    'ModifyInstanceAttribute',
    (facts) => ({
      InstanceId: facts.stoppedId,
      BlockDeviceMappings: [{ DeviceName: '/dev/sdz', Ebs: { DeleteOnTermination: true } }],
    }),
    'InvalidInstanceAttributeValue',
    'No device is currently mapped at /dev/sdz',
  ],
  [
    'a kernel of its own',
    'ModifyInstanceAttribute',
    (facts) => ({ InstanceId: facts.stoppedId, Kernel: { Value: 'aki-1' } }),
    'UnsupportedOperation',
    'Kernel',
  ],
  [
    'user data over 16 KB',
    'ModifyInstanceAttribute',
    (facts) => ({ InstanceId: facts.stoppedId, UserData: { Value: Buffer.alloc(16_385) } }),
    'InvalidParameterValue',
    'User data is limited to 16384 bytes',
  ],
  [
    'a dry termination',
    'TerminateInstances',
    (facts) => ({ InstanceIds: [facts.stoppedId], DryRun: true }),
    'DryRunOperation',
    'Request would have succeeded',
  ],
]
