import { candidatesOf, compileFilters, type Filter, type FilterSet } from './filter.ts'
import { findAll, type IdPrefix } from './ids.ts'
import { type Page, type PageLimits, type PageRequest, readRowPage, refusePagingWithIds, type RowPage } from './page.ts'
import type { Candidates, Collection, ResourceRecord, Scope } from './ports/store.ts'

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
  /** Where an index finds those that `where` lets through. */
  readonly among?: Candidates
}

/**
 * The records that a Describe call shows: those of its ids, in their order, or all in the order of creation, that pass its filters.
 * What it reads grows with what it shows where an index answers a filter (docs/adr/lists-cost-what-they-return.md).
 * Throws `…Malformed` and `…NotFound` for ids, InvalidParameterCombination for ids beside MaxResults.
 */
export function selectRecords<T extends ResourceRecord>(
  source: DescribeSource<T>,
  scope: Scope,
  request: DescribeRequest<T>,
): Page<T> {
  const { rows, token } = selectRows(source, scope, request)
  return { records: rows.map(({ record }) => record), token }
}

/** The same, for what is too much to be read at once. */
export function selectRows<T extends ResourceRecord>(
  source: DescribeSource<T>,
  scope: Scope,
  request: DescribeRequest<T>,
): RowPage<T> {
  const { collection, prefix, filters } = source
  const { ids, where, among } = request
  const passes = compileFilters(request.Filters, filters)
  const isSelective = where !== undefined || (request.Filters ?? []).length > 0
  const select = isSelective
    ? (records: readonly T[]) => records.filter((record) => (where?.(record) ?? true) && passes(record))
    : undefined
  if (!ids || ids.length === 0) {
    const candidates = [...candidatesOf(request.Filters, filters), ...(among ? [among] : [])]
    return readRowPage(collection, scope, request, select, source.limits, candidates)
  }
  refusePagingWithIds(source.idParameter, ids, request)
  const found = findAll(prefix, ids, (id) => collection.get(scope, id))
  return { rows: (select?.(found) ?? found).map((record) => ({ record })), token: {} }
}
