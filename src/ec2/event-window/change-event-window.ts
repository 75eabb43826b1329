import type { Domain } from '../domain.ts'
import { dependencyViolation, Ec2Error, invalidParameterValue, missingParameter } from '../errors.ts'
import { newId } from '../ids.ts'
import type { Ec2Mutation } from '../operation.ts'
import { putTags, readTagSpecifications } from '../tag/tag.ts'
import { describeEventWindow, type EventWindowRecord, findEventWindow, hasTargets } from './event-window.ts'
import { readWindowTimes } from './window-times.ts'

/** EC2's limit of an account in a region. */
const maximumWindows = 200
const maximumNameLength = 100

export function createInstanceEventWindow({ store, random }: Domain): Ec2Mutation<'CreateInstanceEventWindow'> {
  return {
    kind: 'mutation',
    parameters: ['Name', 'TimeRanges', 'CronExpression', 'TagSpecifications'],
    isRecordOnly: true,
    apply: (context, input) => {
      const name = readName(input.Name)
      const times = readWindowTimes(input)
      if (!times) throw missingParameter('TimeRange')
      if (store.eventWindows.count(context) >= maximumWindows) {
        throw new Ec2Error('ResourceLimitExceeded', `You have reached the limit of ${maximumWindows} windows.`)
      }
      const tags = readTagSpecifications(input.TagSpecifications, ['instance-event-window'])
      const { accountId, region } = context
      const window: EventWindowRecord = {
        accountId,
        region,
        id: newId('iew', random),
        ...name,
        ...times,
        instanceIds: [],
        instanceTags: [],
      }
      store.eventWindows.insert(window)
      putTags(store, context, window.id, 'instance-event-window', tags.get('instance-event-window') ?? [])
      return { InstanceEventWindow: describeEventWindow(store, window, 'creating') }
    },
  }
}

/** ModifyInstanceEventWindow: what is not named stays; new times take the place of all that were. */
export function modifyInstanceEventWindow({ store }: Domain): Ec2Mutation<'ModifyInstanceEventWindow'> {
  return {
    kind: 'mutation',
    parameters: ['InstanceEventWindowId', 'Name', 'TimeRanges', 'CronExpression'],
    isRecordOnly: true,
    apply: (context, input) => {
      const window = findEventWindow(store, context, input.InstanceEventWindowId)
      const { timeRanges, cronExpression, ...rest } = window
      const present = { ...(timeRanges ? { timeRanges } : {}), ...(cronExpression ? { cronExpression } : {}) }
      const changed = { ...rest, ...readName(input.Name), ...(readWindowTimes(input) ?? present) }
      store.eventWindows.replace(changed)
      return { InstanceEventWindow: describeEventWindow(store, changed) }
    },
  }
}

function readName(name: string | undefined): { name?: string } {
  if (name === undefined) return {}
  if (name.length <= maximumNameLength) return { name }
  throw invalidParameterValue('name', name.slice(0, 80), `Expected at most ${maximumNameLength} characters.`)
}

/** DeleteInstanceEventWindow: one that instances are in goes only with `ForceDelete`. */
export function deleteInstanceEventWindow({ store }: Domain): Ec2Mutation<'DeleteInstanceEventWindow'> {
  return {
    kind: 'mutation',
    parameters: ['InstanceEventWindowId', 'ForceDelete'],
    isRecordOnly: true,
    apply: (context, input) => {
      const window = findEventWindow(store, context, input.InstanceEventWindowId)
      if (hasTargets(window) && !input.ForceDelete) {
        throw dependencyViolation(
          `The event window ${window.id} is associated with targets. Use ForceDelete to delete it.`,
        )
      }
      store.eventWindows.remove(window.id)
      store.tags.removeAll(window.id)
      return { InstanceEventWindowState: { InstanceEventWindowId: window.id, State: 'deleting' } }
    },
  }
}
