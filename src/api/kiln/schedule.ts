import { z } from 'zod'

/** Instances that are started and stopped at set times. */
export const scheduleInputs = {
  /** Starts or stops instances at set times. Replaces a schedule of the same name. */
  KilnPutSchedule: z.strictObject({
    Name: z.string().min(1).max(128),
    InstanceIds: z.array(z.string()).min(1),
    Action: z.enum(['start', 'stop']),
    /** Five fields, as in cron(8). */
    Cron: z.string(),
    /** IANA name; the host's own when absent. */
    TimeZone: z.string().optional(),
  }),
  KilnDescribeSchedules: z.strictObject({}),
  KilnDeleteSchedule: z.strictObject({ Name: z.string() }),
}

export interface ScheduleOutputs {
  KilnPutSchedule: { Schedule: ScheduleDescription }
  KilnDescribeSchedules: { Schedules: ScheduleDescription[] }
  KilnDeleteSchedule: Record<string, never>
}

export interface ScheduleDescription {
  Name: string
  InstanceIds: string[]
  Action: 'start' | 'stop'
  Cron: string
  TimeZone?: string
  NextRun?: string
}
