import type { Architecture } from '../ports/accelerator.ts'
import type { ResourceRecord } from '../ports/store.ts'
import type { CronTiming } from '../schedule/cron-expression.ts'

/** A pipeline as its YAML declares it, checked and spelt out: components found, files read, defaults filled in. */
export interface Pipeline {
  readonly name: string
  readonly description: string
  /** Where its scheduled builds take place; the daemon's own region when absent. */
  readonly region?: string
  readonly base: PipelineBase
  /** Absent: t3.micro, or t4g.micro for an arm64 image. */
  readonly instanceType?: string
  /** Size of the root disk in GiB; the base's when absent. */
  readonly diskGib?: number
  readonly subnetId?: string
  readonly parameters: ReadonlyMap<string, PipelineParameter>
  readonly components: readonly PipelineComponent[]
  /** Those of the components, then its own. */
  readonly tests: readonly PipelineStep[]
  readonly image: {
    /** Templates; see template.ts. */
    readonly name: string
    readonly description: string
    readonly tags: Readonly<Record<string, string>>
  }
  readonly distribution: {
    readonly regions: readonly string[]
    readonly accountIds: readonly string[]
    readonly isPublic: boolean
    readonly registries: readonly PipelineRegistry[]
  }
  readonly retention?: { readonly keep: number; readonly isIncludingUsed: boolean }
  readonly schedule?: CronTiming & { readonly isCaughtUp: boolean }
  readonly launchTimeoutMs: number
}

/** Where images are pushed to. */
export interface PipelineRegistry {
  /** Template of `registry/name:tag`. */
  readonly reference: string
  /** The file of the key that signs it. */
  readonly signingKeyFile?: string
  /** The parameter that holds the key's password. */
  readonly passwordParameter?: string
}

/** What the image is made over; the newest one where several are meant. */
export type PipelineBase =
  | { readonly kind: 'image'; readonly imageId: string }
  | { readonly kind: 'name'; readonly pattern: string; readonly ownerId?: string }
  | { readonly kind: 'recipe'; readonly recipe: string; readonly architecture: Architecture }
  | { readonly kind: 'catalog'; readonly entry: string }
  | { readonly kind: 'pipeline'; readonly pipeline: string }

/** Something that steps and templates read by its name. */
export interface PipelineParameter {
  /** Absent: every build must be told. */
  readonly value?: string
  /** Masked in logs, never recorded, and no part of what makes a pipeline changed. */
  readonly isSecret: boolean
}

export interface PipelineComponent {
  readonly name: string
  /** Semantic version. */
  readonly version: string
  readonly steps: readonly PipelineStep[]
}

/** One thing that is done in the server that becomes the image, as root. */
export type PipelineStep = {
  readonly title: string
  readonly timeoutMs: number
  readonly environment: Readonly<Record<string, string>>
} & (
  | { readonly kind: 'script'; readonly text: string }
  | { readonly kind: 'packages'; readonly packages: readonly string[] }
  | {
      readonly kind: 'copy'
      readonly content: Buffer
      readonly to: string
      readonly mode: string
      readonly owner: string
    }
  | { readonly kind: 'reboot' }
)

/** What is remembered of a pipeline in one account and region; the id is `ACCOUNT/REGION/NAME`. */
export interface PipelineRecord extends ResourceRecord {
  readonly name: string
  /** Set where its schedule is not followed. */
  readonly isDisabled?: true
  readonly lastBuildNumber: number
  /** The pipeline itself, where a lab has put it, as JSON or YAML; else it is a file. */
  readonly put?: { readonly lab: string; readonly document: string }
}

/** A build that was begun; the id is that of its task. */
export interface PipelineBuildRecord extends ResourceRecord {
  readonly pipeline: string
  readonly number: number
  readonly cause: 'call' | 'schedule'
  readonly state: 'running' | 'succeeded' | 'failed' | 'cancelled'
  /** Where it may have made something. */
  readonly regions: readonly string[]
  /** Something that it made may still be there: it is looked for, and removed, at the next start. */
  readonly hasLeftovers?: true
  /** `name@version` of each component. */
  readonly components: readonly string[]
  readonly baseImageId?: string
  /** Of everything that the image depends on (pipeline-digest.ts). */
  readonly digest?: string
  readonly imageId?: string
  readonly copies?: readonly { readonly region: string; readonly imageId: string }[]
  readonly error?: { readonly code: string; readonly message: string }
  readonly startedAt: string
  readonly endedAt?: string
}

/** Tags that builds put on all that they make. */
export const pipelineTag = {
  /** The name of the pipeline. */
  pipeline: 'kiln:pipeline',
  /** The id of the build. */
  build: 'kiln:pipeline-build',
  /** The number of the build. */
  number: 'kiln:pipeline-build-number',
} as const
