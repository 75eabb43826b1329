import { unsupportedOperation } from './errors.ts'

/** Refuses, by name, the members of a structure that Kiln does not honour: nothing that a client says is passed over in silence. */
export function refuseOtherMembers(
  operation: string,
  path: string,
  value: object | undefined,
  honoured: readonly string[],
): void {
  for (const [name, member] of Object.entries(value ?? {})) {
    if (member === undefined || honoured.includes(name) || (Array.isArray(member) && member.length === 0)) continue
    throw unsupportedOperation(`The parameter ${path}.${name} of ${operation} is not supported by Kiln.`)
  }
}

/** Accepts the values that mean what Kiln does anyway, as clients send them by default, and refuses others by name. */
export function requireOneOf(
  operation: string,
  path: string,
  value: string | number | boolean | undefined,
  allowed: readonly (string | number | boolean)[],
): void {
  if (value === undefined || allowed.includes(value)) return
  throw unsupportedOperation(
    `The value ${String(value).slice(0, 80)} of ${path} of ${operation} is not supported by Kiln, only ${allowed.join(' or ')}.`,
  )
}
