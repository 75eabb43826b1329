import type { ResourceRecord } from '../ports/store.ts'

/** Instances that are started or stopped at set times; the id is the schedule's name within its account and region. */
export interface ScheduleRecord extends ResourceRecord {
  readonly name: string
  readonly instanceIds: readonly string[]
  readonly action: 'start' | 'stop'
  readonly cron: string
  readonly timeZone?: string
}
