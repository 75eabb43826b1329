import { Ec2Error, invalidParameterCombination, invalidParameterValue } from './errors.ts'

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

const usualLimits: PageLimits = { minimum: 5, maximum: 1000 }

/**
 * One page of a list in the order of creation. The token names the last record that was shown, so that a page does not shift when
 * records come and go meanwhile. `keyOf` gives each record's ascending, unique text or number.
 */
export function takePage<T>(
  records: readonly T[],
  request: PageRequest,
  keyOf: (record: T) => string,
  limits: PageLimits = usualLimits,
): { records: T[]; NextToken?: string } {
  const { MaxResults: maximum, NextToken: token } = request
  if (maximum !== undefined && (maximum < limits.minimum || maximum > limits.maximum)) {
    throw invalidParameterValue(
      'maxResults',
      maximum,
      `Expecting a value between ${limits.minimum} and ${limits.maximum}.`,
    )
  }
  let start = 0
  if (token !== undefined && token !== '') {
    const lastKey = readToken(token)
    const position = records.findIndex((record) => keyOf(record) === lastKey.key)
    // The record itself may be gone by now: its place among those that were there is kept too.
    start = position >= 0 ? position + 1 : Math.min(lastKey.position, records.length)
  }
  const page = records.slice(start, maximum === undefined ? undefined : start + maximum)
  const last = page.at(-1)
  if (last === undefined || start + page.length >= records.length) return { records: page }
  return { records: page, NextToken: makeToken(keyOf(last), start + page.length) }
}

/** EC2 refuses MaxResults beside ids. */
export function refusePagingWithIds(parameter: string, ids: readonly string[] | undefined, request: PageRequest): void {
  if (ids && ids.length > 0 && request.MaxResults !== undefined) {
    throw invalidParameterCombination(`The parameter ${parameter} cannot be used with the parameter maxResults`)
  }
}

function makeToken(key: string, position: number): string {
  return Buffer.from(JSON.stringify([key, position])).toString('base64url')
}

function readToken(token: string): { key: string; position: number } {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(token, 'base64url').toString())
    if (Array.isArray(parsed) && typeof parsed[0] === 'string' && Number.isSafeInteger(parsed[1]) && parsed[1] >= 0) {
      return { key: parsed[0], position: Number(parsed[1]) }
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  throw new Ec2Error('InvalidNextToken', 'The token is invalid or has expired.')
}
