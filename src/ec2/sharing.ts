import { Ec2Error } from './errors.ts'
import type { Collection, ResourceRecord, Scope } from './ports/store.ts'

/** Whom the owner of an image or a snapshot lets use it. A record that nobody else may use has none. */
export interface Sharing {
  /** The record's region: what is shared is looked up by it. */
  readonly region: string
  readonly accountIds: readonly string[]
  /** Everyone may: EC2's group `all`. */
  readonly isPublic: boolean
}

/** A record that can be shared. */
export interface SharedRecord extends ResourceRecord {
  readonly sharing?: Sharing
}

/** Grantees as clients name them: account ids, and the group `all`. */
export interface Grantees {
  readonly accountIds: readonly string[]
  readonly hasAll: boolean
}

/** Grantees to be added and to be taken away. */
export interface SharingChange {
  readonly added: Grantees
  readonly removed: Grantees
}

/** The record after a change: additions first, as EC2 does it, and no `sharing` when nobody is left. */
export function changeSharing<T extends SharedRecord>(record: T, { added, removed }: SharingChange): T {
  const present = record.sharing ?? { accountIds: [], isPublic: false }
  const accountIds = [...new Set([...present.accountIds, ...added.accountIds])].filter(
    (id) => !removed.accountIds.includes(id),
  )
  const isPublic = (present.isPublic || added.hasAll) && !removed.hasAll
  if (accountIds.length === 0 && !isPublic) return withoutSharing(record)
  return { ...record, sharing: { region: record.region, accountIds, isPublic } }
}

/** The record, private again. */
export function withoutSharing<T extends SharedRecord>(record: T): T {
  const { sharing: _sharing, ...rest } = record
  return rest as T
}

/** The grantees in EC2's shape. */
export function describeSharing({ sharing }: SharedRecord): ({ UserId: string } | { Group: 'all' })[] {
  if (!sharing) return []
  return [
    ...(sharing.isPublic ? [{ Group: 'all' as const }] : []),
    ...sharing.accountIds.map((accountId) => ({ UserId: accountId })),
  ]
}

export function isAccountId(text: string): boolean {
  return /^\d{12}$/.test(text)
}

/** Throws EC2's error for what can be no account in a list of owners or users; `words` are what is understood besides. */
export function requireAccounts(given: readonly string[] | undefined, words: readonly string[]): void {
  const wrong = given?.find((text) => !isAccountId(text) && !words.includes(text))
  if (wrong === undefined) return
  throw new Ec2Error('InvalidUserID.Malformed', `Invalid user id: "${wrong.slice(0, 80)}"`)
}

/** A caller's view of a kind of record: its own, and those of others that it may use, in the order of creation. */
export function visibleRecords<T extends SharedRecord>(
  collection: Pick<Collection<T, 'sharing.region'>, 'find' | 'page' | 'pageBy'>,
  mayUse: (record: T, accountId: string) => boolean,
): Pick<Collection<T>, 'get' | 'page'> {
  const isVisible = (record: T, { accountId, region }: Scope) =>
    record.region === region && (record.accountId === accountId || mayUse(record, accountId))
  return {
    get: (scope, id) => {
      const record = collection.find(id)
      return record && isVisible(record, scope) ? record : undefined
    },
    page: (scope, afterSequence, limit, among) => {
      const others = collection
        .pageBy('sharing.region', scope.region, afterSequence)
        .filter(({ record }) => record.accountId !== scope.accountId && isVisible(record, scope))
      const own = collection.page(scope, afterSequence, limit, among)
      if (others.length === 0) return own
      return [...own, ...others].sort((a, b) => a.sequence - b.sequence).slice(0, limit)
    },
  }
}
