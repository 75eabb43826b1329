import type { ManifestFiles } from '../manifest-files.ts'

/** What one part of a manifest must know of the others while it is checked. */
export interface ManifestScope {
  readonly pipelines: readonly string[]
  readonly images: readonly string[]
  readonly keyPairs: readonly string[]
  readonly securityGroups: readonly string[]
  readonly subnets: readonly string[]
  readonly natGateways: readonly string[]
  readonly peerings: readonly string[]
  readonly instances: readonly string[]
  countOf(instance: string): number | undefined
  /** Absent: files are not looked at. */
  readonly files?: ManifestFiles
}
