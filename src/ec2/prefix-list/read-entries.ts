import { readCidr } from '../cidr.ts'
import { Ec2Error, invalidParameterValue } from '../errors.ts'
import type { PrefixListEntry, PrefixListRecord } from './prefix-list.ts'

/** "Amazon VPC quotas": the most that a prefix list may be given room for. */
const maximumMaxEntries = 1000
const maximumTextLength = 255

/** Entries as clients send them, in the list's address family, each block once. Throws InvalidParameterValue. */
export function readEntries(
  input: readonly { readonly Cidr?: string | undefined; readonly Description?: string | undefined }[] | undefined,
  addressFamily: PrefixListRecord['addressFamily'],
): PrefixListEntry[] {
  const kind = addressFamily === 'IPv4' ? 'ipv4' : 'ipv6'
  const entries = new Map<string, PrefixListEntry>()
  for (const { Cidr: text = '', Description: description } of input ?? []) {
    const cidr = readCidr(text, kind)
    if (entries.has(cidr)) throw invalidParameterValue('cidr', cidr, 'The same block must not appear multiple times.')
    if (description !== undefined && description.length > maximumTextLength) {
      throw invalidParameterValue('description', `${description.slice(0, 80)}…`, 'At most 255 characters.')
    }
    entries.set(cidr, { cidr, ...(description === undefined ? {} : { description }) })
  }
  return [...entries.values()]
}

/** Throws InvalidParameterValue for a number of entries that no list may have. */
export function requireMaxEntries(maxEntries: number): number {
  if (maxEntries >= 1 && maxEntries <= maximumMaxEntries) return maxEntries
  // As EC2 words it (aws-samples/update-aws-ip-ranges#1).
  throw new Ec2Error('InvalidParameterValue', `Must specify a max size between 1 and ${maximumMaxEntries}`)
}

/** Throws InvalidParameterValue for a name that is too long or looks like one of AWS's own lists. */
export function requirePrefixListName(name: string): string {
  if (name.length > maximumTextLength) {
    throw invalidParameterValue('prefixListName', `${name.slice(0, 80)}…`, 'At most 255 characters.')
  }
  if (name.startsWith('com.amazonaws')) {
    throw invalidParameterValue('prefixListName', name.slice(0, 80), 'Names may not begin with com.amazonaws.')
  }
  return name
}

/** Throws PrefixListMaxEntriesExceeded for more entries than the list has room for. */
export function requireRoom(entries: readonly PrefixListEntry[], maxEntries: number): void {
  if (entries.length <= maxEntries) return
  throw new Ec2Error(
    'PrefixListMaxEntriesExceeded',
    `The prefix list has room for ${maxEntries} entries and would have ${entries.length}. Raise its MaxEntries first.`,
  )
}
