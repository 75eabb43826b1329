import { setTimeout as sleep } from 'node:timers/promises'
import type { RunInstancesRequest } from '@aws-sdk/client-ec2'
import { addressesIn } from '../ipv6.ts'
import type { Goal } from '../lab.ts'
import type { InstanceRecord } from '../observed.ts'
import type { InstanceChanges, Launch, Operation } from '../plan/plan.ts'
import { Interruption } from './execute.ts'
import { idOf, type Workshop } from './workshop.ts'

const pollIntervalMs = 300

/** RunInstances for one instance; its tags come with it, so that a run that breaks off here finds it again. */
export async function launchInstance(workshop: Workshop, launch: Launch): Promise<void> {
  const { call } = workshop
  const ImageId = idOf(workshop, launch.image)
  const rootDevice = launch.disk === undefined ? undefined : await findRootDevice(workshop, ImageId)
  const answer = await call('RunInstances', {
    ImageId,
    InstanceType: launch.type as 't3.micro',
    MinCount: 1,
    MaxCount: 1,
    TagSpecifications: [
      { ResourceType: 'instance', Tags: Object.entries(launch.tags).map(([Key, Value]) => ({ Key, Value })) },
    ],
    ...(launch.keyName === undefined ? {} : { KeyName: launch.keyName }),
    ...(launch.groups.length > 0 ? { SecurityGroupIds: launch.groups.map((group) => idOf(workshop, group)) } : {}),
    ...(launch.userData === undefined ? {} : { UserData: launch.userData }),
    ...(rootDevice === undefined
      ? {}
      : { BlockDeviceMappings: [{ DeviceName: rootDevice, Ebs: { VolumeSize: launch.disk } }] }),
    ...(launch.subnet === undefined ? {} : { SubnetId: idOf(workshop, launch.subnet) }),
    ...(launch.privateIpAddress === undefined ? {} : { PrivateIpAddress: launch.privateIpAddress }),
    ...(await ipv6Of(workshop, launch)),
    ...(launch.disableApiTermination ? { DisableApiTermination: true } : {}),
    ...(launch.disableApiStop ? { DisableApiStop: true } : {}),
  })
  const InstanceId = answer.Instances?.[0]?.InstanceId ?? ''
  workshop.ids.set(launch.address, InstanceId)
  if (!launch.sourceDestCheck) await call('ModifyInstanceAttribute', { InstanceId, SourceDestCheck: { Value: false } })
}

async function ipv6Of(workshop: Workshop, { ipv6, subnet }: Launch): Promise<Partial<RunInstancesRequest>> {
  if (ipv6 === undefined) return {}
  if (typeof ipv6 === 'boolean') return { Ipv6AddressCount: ipv6 ? 1 : 0 }
  const block = subnet === undefined ? undefined : await readIpv6Block(workshop, idOf(workshop, subnet))
  if (block === undefined) throw new Error(`${subnet ?? 'the subnet'} has no IPv6 block to have ${ipv6.join(', ')} of.`)
  return { Ipv6Addresses: addressesIn(block, ipv6).map((address) => ({ Ipv6Address: address })) }
}

async function readIpv6Block({ call }: Workshop, subnetId: string): Promise<string | undefined> {
  const { Subnets: subnets } = await call('DescribeSubnets', { SubnetIds: [subnetId] })
  const blocks = subnets?.[0]?.Ipv6CidrBlockAssociationSet ?? []
  return blocks.find(({ Ipv6CidrBlockState: state }) => state?.State === 'associated')?.Ipv6CidrBlock
}

async function findRootDevice({ call }: Workshop, imageId: string): Promise<string> {
  const { Images: images } = await call('DescribeImages', { ImageIds: [imageId] })
  return images?.[0]?.RootDeviceName ?? '/dev/xvda'
}

/** Tags, groups, protections and the source/destination check: what a running server takes at once. */
export async function changeInstance(workshop: Workshop, instanceId: string, changes: InstanceChanges): Promise<void> {
  const { call } = workshop
  const put = Object.entries(changes.putTags).map(([Key, Value]) => ({ Key, Value }))
  if (put.length > 0) await call('CreateTags', { Resources: [instanceId], Tags: put })
  if (changes.removeTags.length > 0) {
    await call('DeleteTags', { Resources: [instanceId], Tags: changes.removeTags.map((Key) => ({ Key })) })
  }
  if (changes.groups) {
    const groups = changes.groups.map((group) => idOf(workshop, group))
    await call('ModifyInstanceAttribute', { InstanceId: instanceId, Groups: groups })
  }
  for (const [name, value] of [
    ['DisableApiTermination', changes.disableApiTermination],
    ['DisableApiStop', changes.disableApiStop],
    ['SourceDestCheck', changes.sourceDestCheck],
  ] as const) {
    if (value === undefined) continue
    await call('ModifyInstanceAttribute', { InstanceId: instanceId, [name]: { Value: value } })
  }
}

/** EC2 changes the type of a stopped instance only. Not to be interrupted half-way: the server would stay down. */
export async function changeType(
  workshop: Workshop,
  { instanceId, type, isRunning }: Extract<Operation, { kind: 'change-type' }>,
  tell: (text: string) => void,
): Promise<void> {
  const { call } = workshop
  const patient = { ...workshop, signal: new AbortController().signal }
  if (isRunning) {
    tell('stopping')
    await call('StopInstances', { InstanceIds: [instanceId] })
  }
  await waitForState(patient, instanceId, 'stopped')
  await call('ModifyInstanceAttribute', { InstanceId: instanceId, InstanceType: { Value: type } })
  if (isRunning) await call('StartInstances', { InstanceIds: [instanceId] })
}

/** Ends an instance and waits until nothing of it is left: addresses and security groups are free then. */
export async function terminateInstance(workshop: Workshop, instanceId: string): Promise<void> {
  await workshop.call('TerminateInstances', { InstanceIds: [instanceId] })
  await waitForState(workshop, instanceId, 'terminated')
}

/** Waits for a stage of the boot. Has no time limit of its own: a slow guest is no failure; one that goes down is. */
export async function awaitInstance(
  workshop: Workshop,
  instanceId: string,
  goal: Goal,
  tell: (text: string) => void,
): Promise<void> {
  for (;;) {
    const instance = await describeInstance(workshop, instanceId)
    const state = instance.State?.Name ?? 'pending'
    if (state !== 'pending' && state !== 'running') {
      throw new Error(`${instanceId} is ${state}: ${instance.StateReason?.Message ?? 'no reason is known'}.`)
    }
    if (goal === 'running' && state === 'running') return
    const { BootStages: stages } = await workshop.call('KilnDescribeInstance', { InstanceId: instanceId })
    const reached = stages.filter(({ Seconds: seconds }) => seconds !== undefined)
    if (state === 'running' && reached.some(({ Name: name }) => name === goal)) return
    const last = reached.at(-1)
    if (last) tell(`${last.Name} after ${last.Seconds?.toFixed(1)} s`)
    await pause(workshop)
  }
}

async function waitForState(workshop: Workshop, instanceId: string, state: string): Promise<void> {
  while ((await describeInstance(workshop, instanceId)).State?.Name !== state) await pause(workshop)
}

async function pause({ signal }: Workshop): Promise<void> {
  await sleep(pollIntervalMs, undefined, { signal }).catch(() => undefined)
  if (signal.aborted) throw new Interruption('interrupted while it waited')
}

async function describeInstance({ call }: Workshop, instanceId: string): Promise<InstanceRecord> {
  const { Reservations: reservations } = await call('DescribeInstances', { InstanceIds: [instanceId] })
  const instance = reservations?.[0]?.Instances?.[0]
  if (!instance) throw new Error(`${instanceId} is gone.`)
  return instance
}
