import { type Ec2Error, invalidParameterValue } from '../errors.ts'
import type { Repository } from '../ports/registry.ts'

/** An image in a registry as people write it: `registry.example.org:5000/team/web:2`. */
export interface ImageReference extends Repository {
  readonly tag: string
  /** `sha256:HEX`, when it is named by that. */
  readonly digest?: string
}

/** Of the OCI Distribution Specification ("Pulling manifests"), but for the length. */
const pathPattern = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/
export const digestPattern = /^sha256:[0-9a-f]{64}$/
/** A name, an address or an IPv6 address in brackets, with or without a port. A name without dots and port would be taken for a path. */
const hostPattern = /^(?:localhost|(?=[^/]*[.:])[A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/
const maximumNameLength = 255

/** Throws InvalidParameterValue (parameter Reference) saying what is missing. */
export function parseReference(text: string): ImageReference {
  const [, name = '', digest] = /^([^@]*)(?:@(.*))?$/.exec(text) ?? []
  const [, untagged = name, tag = 'latest'] = /^(.*\/[^/:]+):([^/:]*)$/.exec(name) ?? []
  const repository = parseRepository(untagged)
  if (!repository || repository.path === '') {
    throw invalidReference(
      text,
      'Expected registry/name:tag, such as registry.example.org/team/web:1 or localhost:5000/web.',
    )
  }
  if (!tagPattern.test(tag)) throw invalidReference(text, 'A tag has letters, digits, dots, dashes and underscores.')
  if (digest !== undefined && !digestPattern.test(digest))
    throw invalidReference(text, 'A digest is sha256: and 64 digits.')
  return { ...repository, tag, ...(digest === undefined ? {} : { digest }) }
}

/** `host` or `host/path`, without tag; undefined for what is neither. */
export function parseRepository(text: string): Repository | undefined {
  const slash = text.indexOf('/')
  const host = slash < 0 ? text : text.slice(0, slash)
  const path = slash < 0 ? '' : text.slice(slash + 1)
  const isName = slash < 0 || pathPattern.test(path)
  if (!hostPattern.test(host) || !isName || text.length > maximumNameLength) return undefined
  return { host: host.toLowerCase(), path }
}

/** A registry by itself. Throws InvalidParameterValue (parameter Host). */
export function requireRegistryHost(text: string): string {
  const repository = parseRepository(text)
  if (repository?.path === '' && !text.endsWith('/')) return repository.host
  throw invalidParameterValue('Host', text.slice(0, 300), 'Expected a registry, such as registry.example.org:5000.')
}

export function formatRepository({ host, path }: Repository): string {
  return `${host}/${path}`
}

export function formatReference(reference: ImageReference): string {
  return `${formatRepository(reference)}:${reference.tag}${reference.digest === undefined ? '' : `@${reference.digest}`}`
}

/** Whether a registry is on this host: those are spoken to without TLS, as every client of registries does. */
export function isLoopbackHost(host: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/.test(host)
}

function invalidReference(text: string, why: string): Ec2Error {
  return invalidParameterValue('Reference', text.slice(0, 300), why)
}
