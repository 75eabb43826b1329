import type { Domain } from '../domain.ts'
import {
  dependencyViolation,
  Ec2Error,
  invalidParameterCombination,
  invalidParameterValue,
  missingParameter,
} from '../errors.ts'
import { findOne, newId } from '../ids.ts'
import type { Ec2Mutation } from '../operation.ts'
import { requireQuota } from '../quota.ts'
import { requireRouteRoom, tablesNaming } from '../route-table/prefix-list-use.ts'
import { groupsNaming, requireRuleRoom } from '../security-group/prefix-list-use.ts'
import { putTags, readTagSpecifications } from '../tag/tag.ts'
import { describePrefixList } from './describe-prefix-lists.ts'
import { type PrefixListEntry, type PrefixListRecord, versionIdOf } from './prefix-list.ts'
import { readEntries, requireMaxEntries, requirePrefixListName, requireRoom } from './read-entries.ts'

/** "Amazon VPC quotas": of more versions the oldest goes. */
const maximumVersions = 1000

export function createManagedPrefixList({ store, random, settings }: Domain): Ec2Mutation<'CreateManagedPrefixList'> {
  return {
    kind: 'mutation',
    parameters: ['PrefixListName', 'MaxEntries', 'AddressFamily', 'Entries', 'TagSpecifications', 'ClientToken'],
    apply: (context, input) => {
      const { AddressFamily: addressFamily, PrefixListName: name = '', MaxEntries: maxEntries = 0 } = input
      if (addressFamily !== 'IPv4' && addressFamily !== 'IPv6') {
        throw invalidParameterValue('addressFamily', (addressFamily ?? '').slice(0, 80), 'Expected IPv4 or IPv6.')
      }
      const { accountId, region } = context
      const list: PrefixListRecord = {
        accountId,
        region,
        id: newId('pl', random),
        name: requirePrefixListName(name),
        addressFamily,
        maxEntries: requireMaxEntries(maxEntries),
        state: 'create-complete',
        version: 1,
        entries: readEntries(input.Entries, addressFamily),
      }
      requireRoom(list.entries, list.maxEntries)
      const present = store.prefixLists.count(context)
      requireQuota(settings.quotas, 'prefixLists', { present, code: 'ResourceLimitExceeded' })
      const tags = readTagSpecifications(input.TagSpecifications, ['prefix-list']).get('prefix-list') ?? []
      store.prefixLists.insert(list)
      putTags(store, context, list.id, 'prefix-list', tags)
      return { PrefixList: describePrefixList(store, list) }
    },
  }
}

/** ModifyManagedPrefixList: new entries are a new version, and the packets of every rule that names the list follow at once. */
export function modifyManagedPrefixList(domain: Domain): Ec2Mutation<'ModifyManagedPrefixList'> {
  const { store, networks } = domain
  return {
    kind: 'mutation',
    parameters: ['PrefixListId', 'CurrentVersion', 'PrefixListName', 'AddEntries', 'RemoveEntries', 'MaxEntries'],
    apply: (context, input) => {
      const list = findOne('pl', input.PrefixListId ?? '', (id) => store.prefixLists.get(context, id))
      const added = readEntries(input.AddEntries, list.addressFamily)
      const removed = readEntries(input.RemoveEntries, list.addressFamily)
      const hasNewEntries = added.length + removed.length > 0
      if (hasNewEntries && input.MaxEntries !== undefined) {
        throw invalidParameterCombination('The entries and the maximum number of entries may not be modified together')
      }
      if (hasNewEntries && input.CurrentVersion === undefined) throw missingParameter('CurrentVersion')
      if (input.CurrentVersion !== undefined && input.CurrentVersion !== list.version) {
        throw new Ec2Error('PrefixListVersionMismatch', 'The prefix list has the incorrect version number')
      }
      const entries = hasNewEntries ? changeEntries(list.entries, added, removed) : list.entries
      const changed: PrefixListRecord = {
        ...list,
        name: requirePrefixListName(input.PrefixListName ?? list.name),
        maxEntries: requireMaxEntries(input.MaxEntries ?? list.maxEntries),
        state: 'modify-complete',
        version: list.version + (hasNewEntries ? 1 : 0),
        entries,
      }
      requireRoom(entries, changed.maxEntries)
      store.prefixLists.replace(changed)
      const groups = groupsNaming(store, list)
      for (const group of groups) requireRuleRoom(domain, group.rules)
      const tables = tablesNaming(store, list)
      for (const table of tables) requireRouteRoom(domain, table)
      if (hasNewEntries) {
        keepVersion(domain, list)
        for (const vpcId of new Set([...groups, ...tables].map((user) => user.vpcId))) {
          context.afterCommit(() => networks.refreshSoon(vpcId))
        }
      }
      return { PrefixList: describePrefixList(store, changed) }
    },
  }
}

function changeEntries(
  present: readonly PrefixListEntry[],
  added: readonly PrefixListEntry[],
  removed: readonly PrefixListEntry[],
): PrefixListEntry[] {
  const entries = new Map(present.map((entry) => [entry.cidr, entry]))
  for (const { cidr } of removed) {
    if (!entries.has(cidr)) throw invalidChange(`The prefix list has no entry ${cidr}.`)
  }
  for (const entry of added) {
    if (entries.has(entry.cidr)) {
      throw invalidChange(`The prefix list has an entry ${entry.cidr} already: remove it in a request before this one.`)
    }
    entries.set(entry.cidr, entry)
  }
  for (const { cidr } of removed) entries.delete(cidr)
  return [...entries.values()]
}

function invalidChange(message: string): Ec2Error {
  return new Ec2Error('InvalidRequest', message)
}

function keepVersion({ store }: Domain, { accountId, region, id, version, entries }: PrefixListRecord): void {
  store.prefixListVersions.insert({ accountId, region, id: versionIdOf(id, version), prefixListId: id, entries })
  const oldest = version + 1 - maximumVersions
  if (oldest > 0) store.prefixListVersions.remove(versionIdOf(id, oldest))
}

export function deleteManagedPrefixList({ store }: Domain): Ec2Mutation<'DeleteManagedPrefixList'> {
  return {
    kind: 'mutation',
    parameters: ['PrefixListId'],
    apply: (context, input) => {
      const list = findOne('pl', input.PrefixListId ?? '', (id) => store.prefixLists.get(context, id))
      const [group] = groupsNaming(store, list)
      if (group) throw dependencyViolation(`The prefix list '${list.id}' is used by a rule of ${group.id}`)
      const [table] = tablesNaming(store, list)
      if (table) throw dependencyViolation(`The prefix list '${list.id}' is used by a route of ${table.id}`)
      const described = describePrefixList(store, list)
      for (const { id } of store.prefixListVersions.listBy('prefixListId', list.id)) store.prefixListVersions.remove(id)
      store.prefixLists.remove(list.id)
      store.tags.removeAll(list.id)
      return { PrefixList: { ...described, State: 'delete-complete' } }
    },
  }
}
