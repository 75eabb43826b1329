import type { Repository } from '../ports/registry.ts'
import { formatRepository, isLoopbackHost } from './reference.ts'

/** What the configuration says of a registry, or of a part of one. */
export interface RegistryPolicy {
  /** `host` or `host/path`: holds for what lies below it. */
  readonly prefix: string
  /** Spoken to without TLS, or with it; registries on this host are without when absent. */
  readonly isInsecure?: boolean | undefined
  /** Files with public keys in PEM. */
  readonly publicKeyFiles: readonly string[]
  /** Whether what none of the keys has signed is refused. */
  readonly isSignatureRequired: boolean
}

/** The policy that holds for a repository: the one with the longest prefix. */
export function policyOf(policies: readonly RegistryPolicy[], repository: Repository): RegistryPolicy | undefined {
  const name = formatRepository(repository)
  return policies
    .filter(({ prefix }) => name === prefix || name.startsWith(`${prefix}/`))
    .sort((a, b) => b.prefix.length - a.prefix.length)[0]
}

/** Whether a host may be spoken to without TLS. */
export function isPlainHost(policies: readonly RegistryPolicy[], host: string): boolean {
  const told = policies.find(({ prefix, isInsecure }) => prefix.split('/')[0] === host && isInsecure !== undefined)
  return told?.isInsecure ?? isLoopbackHost(host)
}
