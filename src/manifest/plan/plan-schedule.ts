import type { Lab } from '../lab.ts'
import { scheduleName } from '../lab.ts'
import type { Observed } from '../observed.ts'
import { withZone } from './launch.ts'
import { type Detail, operationId, type PlanDraft, type PlannedSchedule } from './plan.ts'
import { addressesOf, type PlannedBoots } from './plan-instance.ts'

/** A schedule for each instance and action; those of instances that are made are part of their launch in the diff. */
export function planSchedules(draft: PlanDraft, lab: Lab, observed: Observed, { launched }: PlannedBoots): void {
  const wanted = new Map(listSchedules(lab).map((schedule) => [schedule.name, schedule]))
  for (const schedule of wanted.values()) {
    const { name, instance, action, cron, timeZone } = schedule
    const found = observed.schedules.find((other) => other.Name === name)
    const isNew = launched.has(instance)
    const isSame =
      found?.Cron === cron &&
      found.TimeZone === timeZone &&
      found.InstanceIds.length === 1 &&
      found.InstanceIds[0] === draft.known.get(instance)
    if (isSame && !isNew) continue
    draft.operations.push({
      kind: 'put-schedule',
      id: operationId.putSchedule(name),
      schedule,
      after: [operationId.launch(instance)],
    })
    const old = withZone(found?.Cron, found?.TimeZone)
    const detail = { name: `schedule.${action}`, new: withZone(cron, timeZone) ?? '' }
    if (!isNew) addDetail(draft, instance, old === undefined ? detail : { ...detail, old })
  }
  for (const { Name: name, Action: action, Cron: cron, TimeZone: timeZone } of observed.schedules) {
    if (wanted.has(name)) continue
    planScheduleRemoval(draft, name)
    const address = name.slice(lab.name.length + 1, -action.length - 1)
    const isGoing = draft.changes.some((change) => change.address === address && change.action === 'delete')
    if (!isGoing) addDetail(draft, address, { name: `schedule.${action}`, old: withZone(cron, timeZone) ?? '' })
  }
}

/** Plans that a schedule goes. */
export function planScheduleRemoval(draft: PlanDraft, name: string): void {
  draft.operations.push({ kind: 'delete-schedule', id: operationId.deleteSchedule(name), name, after: [] })
}

function listSchedules(lab: Lab): PlannedSchedule[] {
  return [...lab.instances.values()].flatMap(({ key, schedule }) =>
    addressesOf(lab, key).flatMap((instance) =>
      (['start', 'stop'] as const).flatMap((action): PlannedSchedule[] => {
        const cron = schedule?.[action]
        if (cron === undefined) return []
        const zone = schedule?.timeZone === undefined ? {} : { timeZone: schedule.timeZone }
        return [{ name: scheduleName(lab.name, instance, action), instance, action, cron, ...zone }]
      }),
    ),
  )
}

/** Puts a detail below the line of its instance, which is written when there is none yet. */
function addDetail(draft: PlanDraft, address: string, detail: Detail): void {
  const index = draft.changes.findIndex((change) => change.address === address)
  const change = draft.changes[index]
  if (change) {
    draft.changes[index] = { ...change, details: [...change.details, detail] }
    return
  }
  const id = draft.known.get(address)
  draft.changes.push({ address, action: 'update', ...(id ? { id } : {}), details: [detail] })
}
