import { Ec2Error, invalidParameterCombination, invalidParameterValue } from './errors.ts'
import type { Scope, Sequenced } from './ports/store.ts'

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

const usualLimits: PageLimits = { minimum: 5, maximum: 1000 }

/**
 * One page of the records of a collection that `select` lets through, in the order of creation. The token holds the place of the
 * last one that was shown, so records that come and go between two calls make nothing appear twice and nothing be missed.
 */
export function readPage<T>(
  collection: { page(scope: Scope, afterSequence: number, limit: number): Sequenced<T>[] },
  scope: Scope,
  request: PageRequest,
  select: (records: readonly T[]) => T[],
  limits: PageLimits = usualLimits,
): Page<T> {
  const after = readToken(request.NextToken) ?? 0
  if (typeof after !== 'number') throw invalidNextToken()
  const rows = collection.page(scope, after, Number.MAX_SAFE_INTEGER)
  const sequences = new Map(rows.map(({ record, sequence }) => [record, sequence]))
  const matching = select(rows.map(({ record }) => record))
  return cutPage(matching, request, (record) => sequences.get(record) ?? 0, limits)
}

/** One page of a list that is no collection, in the order of its unique, unchanging keys; with `readPage`'s promise. */
export function takePage<T>(
  records: readonly T[],
  request: PageRequest,
  keyOf: (record: T) => string,
  limits: PageLimits = usualLimits,
): Page<T> {
  const after = readToken(request.NextToken) ?? ''
  if (typeof after !== 'string') throw invalidNextToken()
  const rest = records.filter((record) => keyOf(record) > after)
  rest.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
  return cutPage(rest, request, keyOf, limits)
}

/** EC2 refuses MaxResults beside ids. */
export function refusePagingWithIds(parameter: string, ids: readonly string[] | undefined, request: PageRequest): void {
  if (ids && ids.length > 0 && request.MaxResults !== undefined) {
    throw invalidParameterCombination(`The parameter ${parameter} cannot be used with the parameter maxResults`)
  }
}

function cutPage<T>(
  records: T[],
  { MaxResults: maximum = Number.POSITIVE_INFINITY }: PageRequest,
  keyOf: (record: T) => string | number,
  limits: PageLimits,
): Page<T> {
  if (Number.isFinite(maximum) && (maximum < limits.minimum || maximum > limits.maximum)) {
    throw invalidParameterValue(
      'maxResults',
      maximum,
      `Expecting a value between ${limits.minimum} and ${limits.maximum}.`,
    )
  }
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
