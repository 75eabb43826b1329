import { decodeForm } from './form.ts'

/** Values of each header by its lower-case name, in the order in which they came. */
export function collectHeaders(rawHeaders: readonly string[]): Map<string, string[]> {
  const headers = new Map<string, string[]>()
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase()
    const values = headers.get(name) ?? []
    values.push(rawHeaders[index + 1] ?? '')
    headers.set(name, values)
  }
  return headers
}

/** The signed headers, one a line: values trimmed, runs of blanks made one, repeated headers joined by commas. */
export function canonicaliseHeaders(
  signedHeaders: readonly string[],
  headers: ReadonlyMap<string, readonly string[]>,
): string {
  return signedHeaders
    .map((name) => {
      const values = headers.get(name) ?? []
      return `${name}:${values.map((value) => value.trim().replace(/\s+/g, ' ')).join(',')}\n`
    })
    .join('')
}

/** All services but S3 encode the path, as it was sent, once more. */
export function canonicalisePath(path: string): string {
  return path === '' ? '/' : path.split('/').map(encodeRfc3986).join('/')
}

/** The parameters but for the signature itself, encoded as RFC 3986 has it and sorted by their encoded form. */
export function canonicaliseQuery(query: string): string {
  return decodeForm(query)
    .filter(([key]) => key !== 'X-Amz-Signature')
    .map(([key, value]): [string, string] => [encodeRfc3986(key), encodeRfc3986(value)])
    .sort(([keyA, valueA], [keyB, valueB]) => compare(keyA, keyB) || compare(valueA, valueB))
    .map(([key, value]) => `${key}=${value}`)
    .join('&')
}

/** encodeURIComponent leaves five more characters alone than RFC 3986 calls unreserved. */
function encodeRfc3986(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
