import { applyFilters, type Filter, type FilterSet } from './filter.ts'
import { findAll, type IdPrefix } from './ids.ts'
import { type Page, type PageLimits, type PageRequest, readPage, refusePagingWithIds } from './page.ts'
import type { Collection, ResourceRecord, Scope } from './ports/store.ts'

/** What a Describe operation looks through. */
export interface DescribeSource<T extends ResourceRecord> {
  readonly collection: Pick<Collection<T>, 'get' | 'page'>
  readonly prefix: IdPrefix
  /** EC2's word for the list of ids in its messages. */
  readonly idParameter: string
  readonly filters: FilterSet<T>
  readonly limits?: PageLimits
}

/** What a Describe call asks for. */
export interface DescribeRequest<T> extends PageRequest {
  readonly ids: readonly string[] | undefined
  readonly Filters?: readonly Filter[] | undefined
  /** What the call leaves out besides. */
  readonly where?: (record: T) => boolean
}

/**
 * The records that a Describe call shows: those of its ids, in their order, or all in the order of creation, that pass its filters.
 * Throws `…Malformed` and `…NotFound` for ids, InvalidParameterCombination for ids beside MaxResults.
 */
export function selectRecords<T extends ResourceRecord>(
  source: DescribeSource<T>,
  scope: Scope,
  request: DescribeRequest<T>,
): Page<T> {
  const { collection, prefix, filters } = source
  const { ids, where = () => true } = request
  const select = (records: readonly T[]) => applyFilters(records.filter(where), request.Filters, filters)
  if (!ids || ids.length === 0) return readPage(collection, scope, request, select, source.limits)
  refusePagingWithIds(source.idParameter, ids, request)
  return { records: select(findAll(prefix, ids, (id) => collection.get(scope, id))), token: {} }
}
