import type { InstanceEventWindowAssociationRequest } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { Ec2Error, invalidParameterCombination, invalidParameterValue, missingParameter } from '../errors.ts'
import { refuseOtherMembers } from '../honoured.ts'
import { findAll, requireWellFormed } from '../ids.ts'
import type { Ec2Mutation, MutationContext } from '../operation.ts'
import type { Store, Tag } from '../ports/store.ts'
import { describeEventWindow, type EventWindowRecord, findEventWindow } from './event-window.ts'

interface Targets {
  readonly instanceIds: readonly string[]
  readonly instanceTags: readonly Tag[]
}

/** EC2's limits of a window. */
const maximumInstances = 100
const maximumTags = 50

/** AssociateInstanceEventWindow: an instance is in one window at most. */
export function associateInstanceEventWindow({ store }: Domain): Ec2Mutation<'AssociateInstanceEventWindow'> {
  return targetChange(store, 'AssociateInstanceEventWindow', (context, window, given) => {
    findAll('i', given.instanceIds, (id) => store.instances.get(context, id))
    const taken = given.instanceIds.find((instanceId) =>
      store.eventWindows.listBy('instanceIds[]', instanceId).some(({ id }) => id !== window.id),
    )
    if (taken !== undefined) {
      throw new Ec2Error('InvalidParameterValue', `The instance ${taken} is associated with another event window.`)
    }
    return addTargets(window, given)
  })
}

export function disassociateInstanceEventWindow({ store }: Domain): Ec2Mutation<'DisassociateInstanceEventWindow'> {
  return targetChange(store, 'DisassociateInstanceEventWindow', (_context, window, given) => {
    for (const id of given.instanceIds) requireWellFormed('i', id)
    return {
      ...window,
      instanceIds: window.instanceIds.filter((id) => !given.instanceIds.includes(id)),
      instanceTags: window.instanceTags.filter((tag) => !given.instanceTags.some((other) => isSame(tag, other))),
    }
  })
}

/** A window is found, what it is associated with changes, and it is told as it is then. */
function targetChange(
  store: Store,
  operation: 'AssociateInstanceEventWindow' | 'DisassociateInstanceEventWindow',
  change: (context: MutationContext, window: EventWindowRecord, given: Targets) => EventWindowRecord,
): Ec2Mutation<'AssociateInstanceEventWindow'> {
  return {
    kind: 'mutation',
    parameters: ['InstanceEventWindowId', 'AssociationTarget'],
    isRecordOnly: true,
    apply: (context, input) => {
      const window = findEventWindow(store, context, input.InstanceEventWindowId)
      const changed = change(context, window, readTargets(operation, input.AssociationTarget))
      store.eventWindows.replace(changed)
      return { InstanceEventWindow: describeEventWindow(store, changed) }
    },
  }
}

function readTargets(operation: string, request: InstanceEventWindowAssociationRequest | undefined): Targets {
  refuseOtherMembers(operation, 'AssociationTarget', request, ['InstanceIds', 'InstanceTags'])
  const instanceIds = [...new Set(request?.InstanceIds ?? [])]
  const instanceTags = (request?.InstanceTags ?? []).map(({ Key: key = '', Value: value = '' }) => ({ key, value }))
  if (instanceIds.length > 0 && instanceTags.length > 0) throw oneKindOnly()
  if (instanceIds.length === 0 && instanceTags.length === 0) throw missingParameter('AssociationTarget.InstanceId')
  return { instanceIds, instanceTags }
}

function addTargets(window: EventWindowRecord, given: Targets): EventWindowRecord {
  const instanceIds = [...new Set([...window.instanceIds, ...given.instanceIds])]
  const isNew = (tag: Tag) => !window.instanceTags.some((present) => isSame(present, tag))
  const instanceTags = [...window.instanceTags, ...given.instanceTags.filter(isNew)]
  if (instanceIds.length > 0 && instanceTags.length > 0) throw oneKindOnly()
  if (instanceIds.length > maximumInstances) {
    throw invalidParameterValue('instanceId', instanceIds.length, `At most ${maximumInstances} instances.`)
  }
  if (instanceTags.length > maximumTags) {
    throw invalidParameterValue('instanceTag', instanceTags.length, `At most ${maximumTags} tags.`)
  }
  return { ...window, instanceIds, instanceTags }
}

function isSame(a: Tag, b: Tag): boolean {
  return a.key === b.key && a.value === b.value
}

function oneKindOnly(): Ec2Error {
  return invalidParameterCombination('An event window has one type of target only: instance IDs or instance tags.')
}
