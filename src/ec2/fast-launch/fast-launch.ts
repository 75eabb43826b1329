import type { TemplateDepth } from '../ports/machine-spec.ts'
import type { SavedState } from '../ports/machine-state.ts'
import type { ResourceRecord } from '../ports/store.ts'

/** EC2's states of Fast Launch of an image ("Use EC2 Fast Launch"). */
export type FastLaunchState =
  | 'enabling'
  | 'enabling-failed'
  | 'enabled'
  | 'enabled-failed'
  | 'disabling'
  | 'disabling-failed'

/** That launches of an image go on from warm templates. Its `id` is the image's; it is the image's owner's. */
export interface FastLaunchRecord extends ResourceRecord {
  readonly state: FastLaunchState
  readonly stateReason: string
  readonly stateTime: string
  /** How far the guests of its templates have come. */
  readonly depth: TemplateDepth
  /** Instance types that have a template, or shall have one: those asked for, and those that were launched. */
  readonly instanceTypes: readonly string[]
  /** As EnableFastLaunch was given them, for DescribeFastLaunchImages. */
  readonly maxParallelLaunches: number
  readonly targetResourceCount?: number
  readonly launchTemplate?: { readonly id: string; readonly name?: string; readonly version: string }
}

/**
 * A machine that was booted once from an image, without user data and on a network of its own, and stands still for good: what launches go
 * on from. `making` until its files are whole and durable.
 */
export interface WarmTemplateRecord extends ResourceRecord {
  readonly state: 'making' | 'ready'
  readonly imageId: string
  readonly instanceType: string
  readonly depth: TemplateDepth
  /** MachineHost.templateShapeOf its machine: only one of the same shape can go on from it. */
  readonly shape: string
  /** Of the layer that the root disk of the image is. */
  readonly baseLayerId: string
  /** Of its network device and its SMBIOS, and of the private network that it boots in. */
  readonly macAddress: string
  readonly uuid: string
  readonly networkId: string
  readonly createdAt: string
  /** Once it is ready. */
  readonly warm?: WarmState
}

/** What a template that is ready consists of, besides its record. */
export interface WarmState {
  /** Its root disk, on which the disks of what goes on from it stand. */
  readonly layerId: string
  readonly devices: SavedState
  readonly memory: MemoryFile
  /** How long it took from the start of its machine, in seconds. */
  readonly madeInSeconds: number
  readonly usedAt?: string
  readonly useCount: number
}

/** The file with a template's memory, as it was when it was known to be whole. */
export interface MemoryFile {
  readonly sizeBytes: number
  readonly sha256: string
  /** Another one as soon as anybody has written to the file (host/file-mark.ts). */
  readonly mark: string
}

/** The way in which an instance's present machine came to run, to be told by `kiln describe`. */
export type LaunchWay =
  | { readonly kind: 'template'; readonly templateId: string; readonly depth: TemplateDepth }
  /** It was booted; `reason` says why no template was used, absent where its image has none. */
  | { readonly kind: 'boot'; readonly reason?: string }
