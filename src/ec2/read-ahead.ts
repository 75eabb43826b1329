import type { Collection, ResourceRecord, Store, Tag } from './ports/store.ts'

/** What the records of a page are told with besides themselves. */
export interface ReadAhead {
  /** Ids of the resources whose tags are told. */
  readonly tagsOf: readonly string[]
  /** Ids of the instances whose volumes and interfaces are told. */
  readonly attachedTo?: readonly string[]
}

/**
 * The store with that read already, each kind at once instead of once a record, and with what several records share (groups, VPCs, subnets)
 * read once. For one answer, read within one turn: what is written afterwards does not show.
 */
export function readAhead(store: Store, { tagsOf, attachedTo = [] }: ReadAhead): Store {
  const tags = store.tags.ofEach(tagsOf)
  const known = new Set(tagsOf)
  const noTags: Tag[] = []
  return {
    ...store,
    tags: {
      ...store.tags,
      of: (id, scope) => (!scope && known.has(id) ? (tags.get(id) ?? noTags) : store.tags.of(id, scope)),
    },
    volumes: readListAhead(store.volumes, attachedTo),
    interfaces: readListAhead(store.interfaces, attachedTo),
    vpcs: readOnce(store.vpcs),
    subnets: readOnce(store.subnets),
    securityGroups: readOnce(store.securityGroups),
  }
}

function readListAhead<T extends ResourceRecord, Index extends string>(
  collection: Collection<T, Index | 'attachment.instanceId'>,
  instanceIds: readonly string[],
): Collection<T, Index | 'attachment.instanceId'> {
  const found = collection.listByEach('attachment.instanceId', instanceIds)
  const known = new Set(instanceIds)
  return {
    ...collection,
    listBy: (index, value) =>
      index === 'attachment.instanceId' && known.has(value)
        ? (found.get(value) ?? [])
        : collection.listBy(index, value),
  }
}

function readOnce<T extends ResourceRecord, Index extends string>(
  collection: Collection<T, Index>,
): Collection<T, Index> {
  const found = new Map<string, T | undefined>()
  return {
    ...collection,
    find: (id) => {
      if (!found.has(id)) found.set(id, collection.find(id))
      return found.get(id)
    },
  }
}
