import type { Domain } from '../../ec2/domain.ts'
import { invalidParameterValue } from '../../ec2/errors.ts'
import { findAll } from '../../ec2/ids.ts'
import type { CallContext, MutationContext } from '../../ec2/operation.ts'
import type { ScheduleRecord } from '../../ec2/schedule/schedule.ts'
import type { AnyOperation } from '../dispatch.ts'
import { type KilnInput, mutation, query } from '../kiln-operation.ts'
import type { ScheduleDescription } from '../kiln/schedule.ts'

/** Schedules: instances that are started and stopped by the clock. */
export function kilnScheduleOperations(domain: Domain): Record<string, AnyOperation> {
  return {
    KilnPutSchedule: mutation('KilnPutSchedule', (context, input) => putSchedule(domain, context, input)),
    KilnDescribeSchedules: query('KilnDescribeSchedules', (context) => ({
      Schedules: domain.store.schedules.list(context).map((schedule) => describeSchedule(domain, schedule)),
    })),
    KilnDeleteSchedule: mutation('KilnDeleteSchedule', (context, input) => {
      domain.store.schedules.remove(scheduleIdOf(context, input.Name))
      context.afterCommit(() => domain.schedules.refresh())
      return {}
    }),
  }
}

function putSchedule(
  domain: Domain,
  context: MutationContext,
  input: KilnInput<'KilnPutSchedule'>,
): { Schedule: ScheduleDescription } {
  const { store, schedules } = domain
  schedules.check({ cron: input.Cron, timeZone: input.TimeZone })
  findAll('i', input.InstanceIds, (id) => store.instances.get(context, id))
  if (/[^\x20-\x7e]/.test(input.Name))
    throw invalidParameterValue('Name', input.Name.slice(0, 80), 'Expected printable ASCII.')
  const { accountId, region } = context
  const record: ScheduleRecord = {
    accountId,
    region,
    id: scheduleIdOf(context, input.Name),
    name: input.Name,
    instanceIds: input.InstanceIds,
    action: input.Action,
    cron: input.Cron,
    ...(input.TimeZone === undefined ? {} : { timeZone: input.TimeZone }),
  }
  if (store.schedules.find(record.id)) store.schedules.replace(record)
  else store.schedules.insert(record)
  context.afterCommit(() => schedules.refresh())
  return { Schedule: describeSchedule(domain, record) }
}

function scheduleIdOf({ accountId, region }: CallContext, name: string): string {
  return `${accountId}/${region}/${name}`
}

function describeSchedule(domain: Domain, schedule: ScheduleRecord): ScheduleDescription {
  const nextRun = domain.schedules.nextRunOf(schedule.id)
  return {
    Name: schedule.name,
    InstanceIds: [...schedule.instanceIds],
    Action: schedule.action,
    Cron: schedule.cron,
    ...(schedule.timeZone ? { TimeZone: schedule.timeZone } : {}),
    ...(nextRun ? { NextRun: nextRun.toISOString() } : {}),
  }
}
