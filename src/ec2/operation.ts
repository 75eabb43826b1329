import type { Ec2Operations } from '../ec2-model/operations.ts'
import type { CallerIdentity } from './access/identity.ts'
import type { LazyList } from './lazy-list.ts'
import type { Scope } from './ports/store.ts'

/** One call under way, as the domain sees it: whose, where, when. */
export interface CallContext extends Scope {
  readonly requestId: string
  readonly now: Date
  readonly identity: CallerIdentity
}

/** The context of a mutation: effects on machines and networks wait until the transaction is on disk. */
export interface MutationContext extends CallContext {
  /**
   * Runs once the transaction has been committed; never when it was taken back. Must not throw. The answer waits for a promise that it
   * gives: for what must have happened when the client reads it.
   */
  afterCommit(effect: () => void | Promise<void>): void
}

/** An operation that changes nothing. */
export interface Query<Input, Output> {
  readonly kind: 'query'
  /** The parameters it honours; dispatch refuses the others by name. `DryRun` is understood by all. */
  readonly parameters: readonly (keyof Input & string)[]
  /** Names of its filters, when it has `Filters`; dispatch refuses the others. */
  readonly filters?: readonly string[]
  /** What it tells was kept as it was given, and has no effect on machines, disks or packets. */
  readonly isRecordOnly?: true
  /** It changes something that is no record, or gives out credentials: the audit log has it as it has mutations. */
  readonly isAudited?: true
  answer(context: CallContext, input: Input): Output | Promise<Output>
}

/**
 * An operation that changes records. `apply` runs in one transaction, synchronously: whatever it throws takes everything back,
 * and a dry run is the same work taken back at its end. What must wait (key generation) is done before, in `prepare`.
 */
export interface Mutation<Input, Output, Prepared = undefined> {
  readonly kind: 'mutation'
  readonly parameters: readonly (keyof Input & string)[]
  /** It keeps what it is given, with no effect on machines, disks or packets. */
  readonly isRecordOnly?: true
  /** May refuse, must change nothing. */
  prepare?(context: CallContext, input: Input): Promise<Prepared>
  apply(context: MutationContext, input: Input, prepared: Prepared): Output
}

/** The query of an EC2 operation by its name. */
export type Ec2Query<Name extends keyof Ec2Operations> = Query<
  Ec2Operations[Name]['input'],
  Answer<Ec2Operations[Name]['output']>
>

/** What a query answers: lists may be made while they are read. */
type Answer<Output> = { [Member in keyof Output]: Output[Member] | LazyList<ItemOf<Output[Member]>> }
type ItemOf<List> = List extends readonly (infer Item)[] | undefined ? Item : never

/** The mutation of an EC2 operation by its name. */
export type Ec2Mutation<Name extends keyof Ec2Operations, Prepared = undefined> = Mutation<
  Ec2Operations[Name]['input'],
  Ec2Operations[Name]['output'],
  Prepared
>
