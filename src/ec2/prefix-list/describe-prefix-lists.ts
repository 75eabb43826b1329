import type { ManagedPrefixList } from '@aws-sdk/client-ec2'
import { type DescribeSource, selectRecords } from '../describe.ts'
import type { Domain } from '../domain.ts'
import { invalidParameterValue } from '../errors.ts'
import { defineFilters } from '../filter.ts'
import { findAll, findOne } from '../ids.ts'
import type { Ec2Query } from '../operation.ts'
import { takePage } from '../page.ts'
import type { Store } from '../ports/store.ts'
import { describeTags } from '../tag/tag.ts'
import { type PrefixListEntry, type PrefixListRecord, versionIdOf } from './prefix-list.ts'

const limits = { minimum: 1, maximum: 100 }

export function describeManagedPrefixLists({ store }: Domain): Ec2Query<'DescribeManagedPrefixLists'> {
  const source: DescribeSource<PrefixListRecord> = {
    collection: store.prefixLists,
    prefix: 'pl',
    idParameter: 'prefixListIds',
    filters: defineFilters(
      {
        'owner-id': ({ accountId }) => accountId,
        'prefix-list-id': { read: ({ id }) => id, index: 'id' },
        'prefix-list-name': { read: ({ name }) => name, index: 'name' },
      },
      ({ id }) => store.tags.of(id),
    ),
    limits,
  }
  return {
    kind: 'query',
    parameters: ['PrefixListIds', 'Filters', 'MaxResults', 'NextToken'],
    filters: source.filters.names,
    answer: (context, input) => {
      const page = selectRecords(source, context, { ...input, ids: input.PrefixListIds })
      return { PrefixLists: page.records.map((list) => describePrefixList(store, list)), ...page.token }
    },
  }
}

/** A prefix list in EC2's shape. */
export function describePrefixList(store: Store, list: PrefixListRecord): ManagedPrefixList {
  return {
    PrefixListId: list.id,
    PrefixListName: list.name,
    PrefixListArn: `arn:aws:ec2:${list.region}:${list.accountId}:prefix-list/${list.id}`,
    AddressFamily: list.addressFamily,
    MaxEntries: list.maxEntries,
    State: list.state,
    Version: list.version,
    OwnerId: list.accountId,
    Tags: describeTags(store.tags.of(list.id)),
  }
}

/** GetManagedPrefixListEntries: those of the present version unless an earlier one is named. */
export function getManagedPrefixListEntries({ store }: Domain): Ec2Query<'GetManagedPrefixListEntries'> {
  return {
    kind: 'query',
    parameters: ['PrefixListId', 'TargetVersion', 'MaxResults', 'NextToken'],
    answer: (context, input) => {
      const list = findOne('pl', input.PrefixListId ?? '', (id) => store.prefixLists.get(context, id))
      const page = takePage(entriesOf(store, list, input.TargetVersion), input, ({ cidr }) => cidr, limits)
      return {
        Entries: page.records.map(({ cidr, description }) => ({ Cidr: cidr, Description: description })),
        ...page.token,
      }
    },
  }
}

function entriesOf(store: Store, list: PrefixListRecord, version = list.version): readonly PrefixListEntry[] {
  if (version === list.version) return list.entries
  const earlier = store.prefixListVersions.find(versionIdOf(list.id, version))
  if (earlier) return earlier.entries
  throw invalidParameterValue('targetVersion', version, `The prefix list ${list.id} has no such version.`)
}

/** DescribePrefixLists: the lists of AWS's own services, none of which is behind a gateway here. */
export function describePrefixLists(): Ec2Query<'DescribePrefixLists'> {
  const filters = defineFilters<{ id: string; name: string }>({
    'prefix-list-id': ({ id }) => id,
    'prefix-list-name': ({ name }) => name,
  })
  return {
    kind: 'query',
    parameters: ['PrefixListIds', 'Filters', 'MaxResults', 'NextToken'],
    filters: filters.names,
    answer: (_context, input) => {
      findAll('pl', input.PrefixListIds ?? [], () => undefined)
      return { PrefixLists: takePage([], input, String).records }
    },
  }
}
