import type { ResourceRecord } from '../ports/store.ts'
import type { CronTiming } from './cron-expression.ts'

/** What is remembered of something that is done at set times; the id is `KIND/…`, where the kind is what keeps it (timekeeper.ts). */
export interface TimerRecord extends ResourceRecord, CronTiming {
  /** The next time that nothing was begun for: in the past once the daemon was down at it. */
  readonly dueAt: string
  /** The time that something was begun for and has not ended. */
  readonly begun?: {
    readonly for: string
    /** When it was begun. */
    readonly at: string
  }
}
