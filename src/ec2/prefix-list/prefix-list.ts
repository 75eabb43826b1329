import type { ResourceRecord } from '../ports/store.ts'

/** A CIDR block of a prefix list. */
export interface PrefixListEntry {
  readonly cidr: string
  readonly description?: string
}

/** A managed prefix list: rules of security groups name it, and follow it when it changes. */
export interface PrefixListRecord extends ResourceRecord {
  readonly name: string
  readonly addressFamily: 'IPv4' | 'IPv6'
  /** What the list counts for against the quotas of what names it, however many entries it has. */
  readonly maxEntries: number
  readonly state: 'create-complete' | 'modify-complete'
  /** From 1, one more with each change of the entries. */
  readonly version: number
  readonly entries: readonly PrefixListEntry[]
}

/** The entries of an earlier version; its id is `PREFIX_LIST/VERSION`. */
export interface PrefixListVersionRecord extends ResourceRecord {
  readonly prefixListId: string
  readonly entries: readonly PrefixListEntry[]
}

/** The id of an earlier version's record. */
export function versionIdOf(prefixListId: string, version: number): string {
  return `${prefixListId}/${version}`
}
