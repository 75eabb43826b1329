import type { InstanceStateChange } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import {
  Ec2Error,
  incorrectInstanceState,
  insufficientInstanceCapacity,
  invalidParameterCombination,
  unsupportedOperation,
} from '../errors.ts'
import { findAll } from '../ids.ts'
import { withEndedEvents } from '../instance-event/instance-event.ts'
import type { Ec2Mutation, MutationContext } from '../operation.ts'
import { countFittingInGroup, spreadIsFull } from '../placement-group/choose-placement-group.ts'
import { readBridges } from './bridged-device.ts'
import { explainCapacity, leftCapacity } from './capacity.ts'
import { describeState } from './describe-instance.ts'
import type { InstanceRecord, InstanceState } from './instance.ts'
import { publishState, userInitiatedHibernation, userInitiatedShutdown, withState } from './state-machine.ts'

/**
 * StopInstances: the guest is asked to power off, and ended when it does not in time; `Force` ends it at once, `Hibernate` keeps its memory.
 */
export function stopInstances(domain: Domain): Ec2Mutation<'StopInstances'> {
  return {
    kind: 'mutation',
    parameters: ['InstanceIds', 'Force', 'Hibernate', 'SkipOsShutdown'],
    apply: (context, input) => {
      const isForced = input.Force === true || input.SkipOsShutdown === true
      const instances = requireInstances(domain, context, input.InstanceIds)
      if (input.Hibernate) {
        if (isForced) throw invalidParameterCombination('Force and Hibernate may not be used together.')
        for (const instance of instances) requireHibernationConfigured(instance)
        return { StoppingInstances: hibernateInstances(domain, context, instances) }
      }
      for (const instance of instances) requireStoppable(instance)
      return {
        StoppingInstances: instances.map((instance) =>
          change(
            domain,
            context,
            instance,
            'stopped',
            {
              stopped: 'stay',
              running: 'stopping',
              pending: 'stopping',
              stopping: isForced ? 'again' : 'stay',
            },
            (record) => (isForced ? { ...record, request: { isForced } } : record),
          ),
        ),
      }
    },
  }
}

/** Has running instances keep their memory and stop; those that have begun to stop, or have, stay as they are. */
export function hibernateInstances(
  domain: Domain,
  context: MutationContext,
  instances: readonly InstanceRecord[],
): InstanceStateChange[] {
  for (const instance of instances) requireStoppable(instance)
  return instances.map((instance) =>
    change(
      domain,
      context,
      instance,
      'hibernated',
      { stopped: 'stay', running: 'stopping', stopping: 'stay' },
      (record) => ({ ...record, stateReason: userInitiatedHibernation, request: { isHibernation: true } }),
    ),
  )
}

function requireHibernationConfigured({ id, isHibernationConfigured }: InstanceRecord): void {
  if (isHibernationConfigured) return
  throw new Ec2Error(
    'UnsupportedHibernationConfiguration',
    `The instance '${id}' was launched without HibernationOptions.Configured and cannot be hibernated.`,
  )
}

function requireStoppable(instance: InstanceRecord): void {
  if (instance.spot) {
    throw unsupportedOperation(
      `You can't stop the Spot Instance '${instance.id}' because it is associated with a one-time Spot Instance request. You can only stop Spot Instances associated with persistent Spot Instance requests.`,
    )
  }
  if (instance.hasStopProtection) {
    throw new Ec2Error(
      'OperationNotPermitted',
      `The instance '${instance.id}' may not be stopped. Modify its 'disableApiStop' instance attribute and try again.`,
    )
  }
}

/** StartInstances: a stopped instance boots again, or goes on where it was hibernated, with a new public address. */
export function startInstances(domain: Domain): Ec2Mutation<'StartInstances'> {
  return {
    kind: 'mutation',
    parameters: ['InstanceIds', 'AdditionalInfo'],
    apply: (context, input) => {
      const instances = requireInstances(domain, context, input.InstanceIds)
      for (const instance of instances) requireRootVolume(domain, instance)
      requireRoom(domain, instances)
      requireSpread(domain, instances)
      return {
        StartingInstances: instances.map((instance) => {
          const bridges =
            instance.state === 'stopped' ? readBridges(domain.networks, domain.store.tags.of(instance.id)) : []
          const transitions = { stopped: 'pending', pending: 'stay', running: 'stay' } as const
          // A start brings it to another host: what was scheduled for the old one is over.
          return change(domain, context, instance, 'started', transitions, (record) => ({
            ...withEndedEvents(record, 'completed', context.now, () => true),
            bridges,
            launchTime: context.now.toISOString(),
            boot: {
              requestedAt: context.now.toISOString(),
              isFirst: false,
              generationId: domain.random.uuid(),
              stages: {},
            },
          }))
        }),
      }
    },
  }
}

/** RebootInstances: the guest is asked to go down and boots again; it is reset when it does not in time. */
export function rebootInstances(domain: Domain): Ec2Mutation<'RebootInstances'> {
  return {
    kind: 'mutation',
    parameters: ['InstanceIds'],
    apply: (context, input) => {
      for (const instance of requireInstances(domain, context, input.InstanceIds)) {
        change(domain, context, instance, 'rebooted', { running: 'again', pending: 'stay' }, (record) => ({
          ...withEndedEvents(record, 'completed', context.now, ({ code }) => code === 'instance-reboot'),
          request: { isReboot: true },
        }))
      }
      return {}
    },
  }
}

/** TerminateInstances: everything that goes with the instance is deleted. Terminating twice is no error. */
export function terminateInstances(domain: Domain): Ec2Mutation<'TerminateInstances'> {
  return {
    kind: 'mutation',
    parameters: ['InstanceIds', 'Force', 'SkipOsShutdown'],
    apply: (context, input) => {
      const instances = requireInstances(domain, context, input.InstanceIds)
      for (const instance of instances) {
        const protection = protectionOf(instance)
        if (protection === undefined || instance.state === 'terminated') continue
        throw new Ec2Error(
          'OperationNotPermitted',
          `The instance '${instance.id}' may not be terminated. Modify its '${protection}' instance attribute and try again.`,
        )
      }
      return {
        TerminatingInstances: instances.map((instance) =>
          change(domain, context, instance, 'terminated', {
            pending: 'shutting-down',
            running: 'shutting-down',
            stopping: 'shutting-down',
            stopped: 'shutting-down',
            'shutting-down': 'stay',
            terminated: 'stay',
          }),
        ),
      }
    },
  }
}

/** The attribute that keeps an instance from being terminated: protection from being stopped does so too, as on EC2. */
function protectionOf({ hasTerminationProtection, hasStopProtection }: InstanceRecord): string | undefined {
  if (hasTerminationProtection) return 'disableApiTermination'
  return hasStopProtection ? 'disableApiStop' : undefined
}

/** What an operation does to an instance in a state: go to another, stay as it is, or stay and be driven again. */
type Transitions = Readonly<Partial<Record<InstanceState, InstanceState | 'stay' | 'again'>>>

/** Takes one instance along; a state that the table does not name is refused with IncorrectInstanceState. */
function change(
  domain: Domain,
  context: MutationContext,
  instance: InstanceRecord,
  done: string,
  transitions: Transitions,
  adapt: (record: InstanceRecord) => InstanceRecord = (record) => record,
): InstanceStateChange {
  const next = transitions[instance.state]
  if (next === undefined) throw incorrectInstanceState(instance.id, done)
  if (next !== 'stay') {
    const isShutdown = next === 'stopping' || next === 'shutting-down'
    const moved =
      next === 'again' ? instance : withState(instance, next, context.now, isShutdown ? userInitiatedShutdown : {})
    const changed = adapt(moved)
    domain.store.instances.replace(changed)
    if (next !== 'again') publishState(domain.events, instance, changed)
    context.afterCommit(() => domain.instances.wake(instance.id))
  }
  return {
    InstanceId: instance.id,
    CurrentState: describeState(next === 'stay' || next === 'again' ? instance.state : next),
    PreviousState: describeState(instance.state),
  }
}

function requireInstances(
  { store }: Domain,
  context: MutationContext,
  ids: readonly string[] | undefined,
): InstanceRecord[] {
  return findAll('i', ids ?? [], (id) => store.instances.get(context, id))
}

function requireRootVolume({ store }: Domain, instance: InstanceRecord): void {
  const volumes = store.volumes.listBy('attachment.instanceId', instance.id)
  const { rootDeviceName, state } = instance
  if (state !== 'stopped' || volumes.some(({ attachment }) => attachment?.deviceName === rootDeviceName)) return
  throw new Ec2Error(
    'InvalidParameterValue',
    `Invalid value '${instance.id}' for instanceId. Instance does not have a volume attached at root (${rootDeviceName})`,
  )
}

/** The host must have room for all of them together. */
function requireRoom(domain: Domain, instances: readonly InstanceRecord[]): void {
  const left = leftCapacity(domain)
  for (const instance of instances) {
    if (instance.state !== 'stopped') continue
    const type = domain.instanceTypes.get(instance.instanceType)
    left.vCpus -= type.vCpus
    left.memoryMib -= type.memoryMib
    if (left.vCpus < 0 || left.memoryMib < 0) {
      throw insufficientInstanceCapacity(
        `This host has no room for ${instance.id} (${instance.instanceType}). ${explainCapacity(domain)}`,
      )
    }
  }
}

/** A spread group must have room for all of its instances that start. */
function requireSpread({ store }: Domain, instances: readonly InstanceRecord[]): void {
  const starting = new Map<string, number>()
  for (const { state, placement, availabilityZone } of instances) {
    const group = placement && store.placementGroups.find(placement.groupId)
    if (state !== 'stopped' || !group) continue
    const place = `${group.id} ${availabilityZone}`
    const count = (starting.get(place) ?? 0) + 1
    starting.set(place, count)
    if (count > countFittingInGroup(store, group, availabilityZone)) throw spreadIsFull(group, availabilityZone)
  }
}
