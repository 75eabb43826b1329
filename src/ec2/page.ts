import { Ec2Error, invalidParameterCombination, invalidParameterValue } from './errors.ts'
import type { Candidates, Scope, Sequenced } from './ports/store.ts'

/** Paging as clients ask for it. */
export interface PageRequest {
  readonly MaxResults?: number | undefined
  readonly NextToken?: string | undefined
}

/** Limits of a Describe operation's MaxResults. */
export interface PageLimits {
  readonly minimum: number
  readonly maximum: number
}

/** One page; spread its `NextToken` into the answer. */
export interface Page<T> {
  readonly records: T[]
  readonly token: { NextToken?: string }
}

/** A page of which each record is read when it is looked at, and perhaps again when it is looked at again. */
export interface RowPage<T> extends Pick<Page<T>, 'token'> {
  readonly rows: Pick<Sequenced<T>, 'record'>[]
}

const usualLimits: PageLimits = { minimum: 5, maximum: 1000 }

/** Records that are read at once: as few as a page may need, more when few of them are let through. */
const smallestChunk = 50
const largestChunk = 1000

/** What `readPage` reads from. */
export interface PageSource<T> {
  page(scope: Scope, afterSequence: number, limit: number, among?: readonly Candidates[]): Sequenced<T>[]
}

/**
 * One page of the records of a collection that `select` lets through, in the order of creation. The token holds the place of the
 * last one that was shown, so records that come and go between two calls make nothing appear twice and nothing be missed. Reads on
 * only until the page is full, and only `among` what an index finds when there is such.
 */
export function readPage<T>(
  source: PageSource<T>,
  scope: Scope,
  request: PageRequest,
  select: (records: readonly T[]) => T[],
  limits: PageLimits = usualLimits,
  among: readonly Candidates[] = [],
): Page<T> {
  const { rows, token } = readRowPage(source, scope, request, select, limits, among)
  return { records: rows.map(({ record }) => record), token }
}

/** The same; all records are let through, and none is read, without `select`. */
export function readRowPage<T>(
  source: PageSource<T>,
  scope: Scope,
  request: PageRequest,
  select: ((records: readonly T[]) => T[]) | undefined,
  limits: PageLimits = usualLimits,
  among: readonly Candidates[] = [],
): RowPage<T> {
  requireWithin(limits, request)
  // One more tells whether there is another page.
  const wanted = (request.MaxResults ?? Number.POSITIVE_INFINITY) + 1
  let after = readToken(request.NextToken) ?? 0
  if (typeof after !== 'number') throw invalidNextToken()
  const found: Sequenced<T>[] = []
  let chunk = Math.min(Math.max(wanted, smallestChunk), largestChunk)
  for (;;) {
    const rows = source.page(scope, after, chunk, among)
    found.push(...(select ? selectRows(rows, select) : rows))
    const last = rows.at(-1)
    if (found.length >= wanted || rows.length < chunk || !last) break
    after = last.sequence
    chunk = Math.min(chunk * 2, largestChunk)
  }
  const { records: rows, token } = cutPage(found, request, ({ sequence }) => sequence)
  return { rows, token }
}

function selectRows<T>(rows: readonly Sequenced<T>[], select: (records: readonly T[]) => T[]): Sequenced<T>[] {
  const sequences = new Map(rows.map(({ record, sequence }) => [record, sequence]))
  return select([...sequences.keys()]).map((record) => ({ record, sequence: sequences.get(record) ?? 0 }))
}

/** One page of a list that is no collection, in the order of its unique, unchanging keys; with `readPage`'s promise. */
export function takePage<T>(
  records: readonly T[],
  request: PageRequest,
  keyOf: (record: T) => string,
  limits: PageLimits = usualLimits,
): Page<T> {
  requireWithin(limits, request)
  const after = readToken(request.NextToken) ?? ''
  if (typeof after !== 'string') throw invalidNextToken()
  const rest = records.filter((record) => keyOf(record) > after)
  rest.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
  return cutPage(rest, request, keyOf)
}

/** EC2 refuses MaxResults beside ids. */
export function refusePagingWithIds(parameter: string, ids: readonly string[] | undefined, request: PageRequest): void {
  if (ids && ids.length > 0 && request.MaxResults !== undefined) {
    throw invalidParameterCombination(`The parameter ${parameter} cannot be used with the parameter maxResults`)
  }
}

function requireWithin({ minimum, maximum }: PageLimits, { MaxResults: wanted }: PageRequest): void {
  if (wanted === undefined || (wanted >= minimum && wanted <= maximum)) return
  throw invalidParameterValue('maxResults', wanted, `Expecting a value between ${minimum} and ${maximum}.`)
}

function cutPage<T>(
  records: T[],
  { MaxResults: maximum = Number.POSITIVE_INFINITY }: PageRequest,
  keyOf: (record: T) => string | number,
): Page<T> {
  const page = records.slice(0, maximum)
  const last = page.at(-1)
  if (last === undefined || page.length === records.length) return { records: page, token: {} }
  return { records: page, token: { NextToken: Buffer.from(JSON.stringify(keyOf(last))).toString('base64url') } }
}

/** The key in a token; undefined for the first page. */
function readToken(token: string | undefined): string | number | undefined {
  if (token === undefined || token === '') return undefined
  try {
    const key: unknown = JSON.parse(Buffer.from(token, 'base64url').toString())
    if (typeof key === 'string' || (Number.isSafeInteger(key) && Number(key) >= 0)) return key as string | number
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  throw invalidNextToken()
}

function invalidNextToken(): Ec2Error {
  return new Ec2Error('InvalidNextToken', 'The token is invalid or has expired.')
}
