import type { Logger } from 'pino'
import type { Clock } from '../../host/clock.ts'
import { Ec2Error } from '../errors.ts'
import type { EventBus } from '../event/event-bus.ts'
import type { Scope, Store } from '../ports/store.ts'
import { createTimekeeper, describeLateness, type DueTime } from '../schedule/timekeeper.ts'
import { type AccountCall, carryOut } from './carry-out.ts'
import { planRun } from './plan-run.ts'
import { type LifecyclePolicy, type LifecycleRunRecord, type PolicyFile, policyIdOf } from './policy.ts'

/** Carries lifecycle policies out: at their times, and when somebody asks. */
export interface LifecycleManager {
  /** The policies of an account as their files say them now; a file that cannot be read is everybody's to see. */
  list(accountId: string): PolicyFile[]
  /** Throws InvalidLifecyclePolicy.NotFound, and InvalidLifecyclePolicy.Malformed for a file that cannot be read. */
  find(accountId: string, name: string): LifecyclePolicy
  isEnabled(policy: LifecyclePolicy): boolean
  nextRunOf(policy: LifecyclePolicy): Date | undefined
  /** What it did or, in a dry run, would do. Throws IncorrectState while it runs already. */
  run(policy: LifecyclePolicy, how: LifecycleRunMode): Promise<LifecycleRunRecord>
  /** Brings the clocks to what the files say. */
  refresh(): void
  start(): void
  close(): void
}

/** How a policy is carried out. */
export interface LifecycleRunMode {
  readonly trigger: LifecycleRunRecord['trigger']
  readonly isDryRun: boolean
  /** The time of its schedule that the run is for; absent: it was called. */
  readonly due?: DueTime
}

export interface LifecycleManagerDependencies {
  readonly store: Store
  readonly clock: Clock
  readonly events: EventBus
  readonly log: Logger
  /** Reads the files of `lifecycle/`. */
  readonly readFiles: () => PolicyFile[]
  readonly call: AccountCall
}

/** How often the files are looked at. */
const refreshMs = 60_000
/** Runs of a policy that its history has. */
const keptRuns = 50

export function createLifecycleManager(dependencies: LifecycleManagerDependencies): LifecycleManager {
  const { store, clock, events, log, readFiles, call } = dependencies
  const timekeeper = createTimekeeper({ store, clock, log, kind: 'lifecycle' })
  const running = new Set<string>()
  let timer: NodeJS.Timeout | undefined

  function isEnabled(policy: LifecyclePolicy): boolean {
    return store.lifecycleEnablements.find(policyIdOf(policy))?.digest === policy.digest
  }

  async function run(
    policy: LifecyclePolicy,
    { trigger, isDryRun, due }: LifecycleRunMode,
  ): Promise<LifecycleRunRecord> {
    const id = policyIdOf(policy)
    if (running.has(id))
      throw new Ec2Error('IncorrectState', `The lifecycle policy ${policy.name} is being carried out.`)
    running.add(id)
    try {
      const startedAt = clock.now()
      const begun = due?.interruptedSince
      const plan = planRun(store, policy, startedAt, begun)
      const steps = isDryRun ? plan : await carryOut({ store, call, now: () => clock.now(), begun }, policy, plan)
      const record: LifecycleRunRecord = {
        accountId: policy.accountId,
        region: policy.region,
        id: `${id}/${startedAt.toISOString()}`,
        policyName: policy.name,
        startedAt: startedAt.toISOString(),
        endedAt: clock.now().toISOString(),
        trigger,
        ...(due ? { dueAt: due.at.toISOString() } : {}),
        ...(due?.isLate ? { isLate: true } : {}),
        isDryRun,
        steps,
      }
      remember(record)
      tell(record, due)
      return record
    } finally {
      running.delete(id)
    }
  }

  function remember(record: LifecycleRunRecord): void {
    store.transaction(() => {
      store.lifecycleRuns.insert(record)
      const earlier = store.lifecycleRuns.list(record).filter(({ policyName }) => policyName === record.policyName)
      for (const { id } of earlier.slice(0, -keptRuns)) store.lifecycleRuns.remove(id)
    })
  }

  function tell({ id, policyName, steps, isDryRun }: LifecycleRunRecord, due: DueTime | undefined): void {
    const failed = steps.filter(({ error }) => error !== undefined).length
    const changes = steps.filter(({ action }) => action !== 'keep').length - failed
    const made = `${isDryRun ? 'would make' : 'made'} ${changes} ${changes === 1 ? 'change' : 'changes'}`
    const what = `${made}${due ? describeLateness(due) : ''}`
    events.publish({
      kind: 'lifecycle',
      resourceId: id,
      message: `lifecycle policy ${policyName} ${what}${failed > 0 ? `; ${failed} could not be made` : ''}`,
    })
  }

  /** A file that has changed since the clock was set is read anew; one that is not enabled is tried only. */
  async function runScheduled({ accountId, name }: LifecyclePolicy, due: DueTime): Promise<void> {
    try {
      const policy = find(accountId, name)
      if (hasEnded(policy, due)) return
      await run(policy, { trigger: 'schedule', isDryRun: !isEnabled(policy), due })
    } catch (error) {
      log.warn({ policy: name, err: error }, 'lifecycle policy could not be carried out')
    }
  }

  /** Whether the daemon that was interrupted had come to the end, and had not recorded that only. */
  function hasEnded(policy: LifecyclePolicy, { at, interruptedSince }: DueTime): boolean {
    if (!interruptedSince) return false
    const since = interruptedSince.toISOString()
    return store.lifecycleRuns
      .list(policy)
      .some((run) => run.policyName === policy.name && run.dueAt === at.toISOString() && run.startedAt >= since)
  }

  function list(accountId: string): PolicyFile[] {
    return readFiles().filter(({ policy }) => policy === undefined || policy.accountId === accountId)
  }

  function find(accountId: string, name: string): LifecyclePolicy {
    const file = list(accountId).find((one) => one.name === name)
    if (file?.policy) return file.policy
    if (file) throw new Ec2Error('InvalidLifecyclePolicy.Malformed', file.problem ?? `${file.path} cannot be used.`)
    throw new Ec2Error(
      'InvalidLifecyclePolicy.NotFound',
      `The account ${accountId} has no lifecycle policy ${name.slice(0, 80)}: there is no such file in lifecycle/ of the state directory.`,
    )
  }

  function refresh(): void {
    timekeeper.keep(
      readFiles().flatMap(({ policy }) => {
        if (!policy?.schedule) return []
        const { accountId, region, schedule } = policy
        const id = policyIdOf(policy)
        return [{ accountId, region, id, ...schedule, run: (due: DueTime) => runScheduled(policy, due) }]
      }),
    )
  }

  function refreshQuietly(): void {
    try {
      refresh()
    } catch (error) {
      log.warn({ err: error }, 'lifecycle policies could not be read')
    }
  }

  return {
    list,
    find,
    isEnabled,
    nextRunOf: (policy) => timekeeper.nextRunOf(policyIdOf(policy)),
    run,
    refresh,
    start: () => {
      refreshQuietly()
      timer = setInterval(refreshQuietly, refreshMs)
      timer.unref()
    },
    close: () => {
      clearInterval(timer)
      timekeeper.close()
    },
  }
}

/** Lets a policy, as it is now, change something, or not; inside a mutation. */
export function setEnabled(store: Store, policy: LifecyclePolicy, now: Date, isEnabled: boolean): void {
  const id = policyIdOf(policy)
  const present = store.lifecycleEnablements.find(id)
  if (!isEnabled) {
    if (present) store.lifecycleEnablements.remove(id)
    return
  }
  const { accountId, region, digest }: Scope & { digest: string } = policy
  const record = { accountId, region, id, digest, enabledAt: now.toISOString() }
  if (present) store.lifecycleEnablements.replace(record)
  else store.lifecycleEnablements.insert(record)
}
