/** Members whose values are nobody's business but the caller's. */
const secretMembers = new Set([
  'UserData',
  'PublicKeyMaterial',
  'Password',
  'PreSharedKey',
  'TokenCode',
  'Parameters',
  'SigningKeyPassword',
])

const longestText = 256
const longestList = 50
const deepest = 12
/** Of all parameters together, as JSON. */
const longestParameters = 2000
const mostResources = 100

/** The parameters of a call as the audit log keeps them: no secrets, no bytes, nothing long. Pure. */
export function describeParameters(input: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const described = describeMembers(input, 0)
  if (JSON.stringify(described).length <= longestParameters) return described
  const room = Math.floor(longestParameters / Object.keys(described).length)
  return Object.fromEntries(
    Object.entries(described)
      .slice(0, longestList)
      .map(([name, value]) => {
        const length = JSON.stringify(value).length
        return [name, length > room ? `(${length} characters)` : value]
      }),
  )
}

/** Ids of resources anywhere in an answer, each once. Pure. */
export function findResourceIds(output: unknown): string[] {
  const found = new Set<string>()
  collectIds(output, found, 0)
  return [...found]
}

function describeMembers(members: object, depth: number): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(members)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, secretMembers.has(name) ? '(withheld)' : describeValue(value, depth + 1)]),
  )
}

function describeValue(value: unknown, depth: number): unknown {
  if (depth > deepest) return '(too deep)'
  if (typeof value === 'string') return describeText(value)
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array) return `(${value.length} bytes)`
  if (Array.isArray(value)) {
    const shown = value.slice(0, longestList).map((item) => describeValue(item, depth + 1))
    return value.length > longestList ? [...shown, `(${value.length - longestList} more)`] : shown
  }
  if (value !== null && typeof value === 'object') return describeMembers(value, depth)
  return value
}

/** URLs may carry a password or a signature. */
function describeText(text: string): string {
  const bare = /^https?:\/\//i.test(text) ? text.replace(/\/\/[^/?#]*@/, '//').replace(/[?#].*$/s, '?(withheld)') : text
  return bare.length > longestText ? `${bare.slice(0, longestText)}…` : bare
}

function collectIds(value: unknown, found: Set<string>, depth: number): void {
  if (found.size >= mostResources || depth > deepest) return
  if (typeof value === 'string') {
    if (/^[a-z][a-z-]{0,31}-[0-9a-f]{17}$/.test(value)) found.add(value)
  } else if (value !== null && typeof value === 'object' && !(value instanceof Uint8Array)) {
    for (const inner of Object.values(value)) collectIds(inner, found, depth + 1)
  }
}
