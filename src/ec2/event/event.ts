/** Something that happened to a resource, for `kiln events` and the log. */
export interface EventRecord {
  /** Ascending, never used twice. */
  readonly number: number
  readonly time: string
  readonly kind:
    | 'instance-state-change'
    | 'instance-problem'
    | 'instance-report'
    | 'image-state-change'
    | 'fast-launch-state-change'
    | 'layer-problem'
    | 'volume-problem'
    | 'task'
    | 'schedule'
    | 'lifecycle'
    | 'pipeline'
    | 'fault'
  readonly resourceId: string
  /** Whose resource it is; absent when nobody's is known, and then everyone is told. */
  readonly accountId?: string
  readonly message: string
  readonly detail?: Readonly<Record<string, string>>
}
