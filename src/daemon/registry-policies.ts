import { resolve } from 'node:path'
import type { RegistryPolicy } from '../ec2/registry/registry-policy.ts'
import type { Configuration } from './configuration.ts'

/** What the configuration says of registries; files of keys lie below the state directory unless their paths are absolute. */
export function registryPolicies({ registries }: Configuration, stateRoot: string): RegistryPolicy[] {
  return registries.map(({ host, insecure, publicKeys, requireSignature }) => ({
    prefix: host,
    isInsecure: insecure,
    publicKeyFiles: publicKeys.map((path) => resolve(stateRoot, path)),
    isSignatureRequired: requireSignature,
  }))
}
