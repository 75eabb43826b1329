import { Ec2Error } from '../../ec2/errors.ts'

/** A decoded parameter of a query or form. */
export type Parameter = readonly [key: string, value: string]

/** Most parameters that a request may have. */
const maximumParameters = 4000

/**
 * Decodes `application/x-www-form-urlencoded`. Throws MalformedQueryString for what is not percent-encoded UTF-8 and
 * InvalidQueryParameter for too many parameters.
 */
export function decodeForm(text: string): Parameter[] {
  if (text === '') return []
  const pairs = text.split('&', maximumParameters + 1)
  if (pairs.length > maximumParameters) {
    throw new Ec2Error('InvalidQueryParameter', `The request has more than ${maximumParameters} parameters`)
  }
  return pairs.filter((pair) => pair !== '').map(decodePair)
}

function decodePair(pair: string): Parameter {
  const equals = pair.indexOf('=')
  return equals < 0 ? [decode(pair), ''] : [decode(pair.slice(0, equals)), decode(pair.slice(equals + 1))]
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    throw new Ec2Error('MalformedQueryString', 'The query string contains a syntax error')
  }
}
