import { z } from 'zod'
import { pipelineName } from '../../ec2/pipeline/pipeline-name.ts'

/** Pipelines and their builds. */
export const pipelineInputs = {
  /** Pipelines of images/pipelines and of labs, with the mistakes of those that cannot be used. */
  KilnDescribePipelines: z.strictObject({ Names: z.array(z.string().max(64)).optional() }),
  /** Keeps a pipeline of a lab; replaces one of the same name. */
  KilnPutPipeline: z.strictObject({
    Name: z.string().regex(pipelineName, 'must be a lower-case letter, then at most 63 of a-z, 0-9 and -'),
    Lab: z.string().min(1).max(40),
    /** JSON or YAML, as a file of images/pipelines; the files that it names have absolute paths. */
    Document: z.string().min(1).max(900_000),
  }),
  /** Forgets a pipeline that a lab has put; its images and builds stay. */
  KilnDeletePipeline: z.strictObject({ Name: z.string().min(1).max(64) }),
  /** Builds an image by a pipeline, unless it would be that of the last build again. */
  KilnBuildPipeline: z.strictObject({
    Name: z.string().min(1).max(64),
    /** Even when nothing has changed. */
    IsForced: z.boolean().optional(),
    Parameters: z
      .array(z.strictObject({ Name: z.string().max(64), Value: z.string().max(65_536) }))
      .max(100)
      .optional(),
    Cause: z.enum(['call', 'schedule']).optional(),
  }),
  /** Makes a new image of one, with what lets its servers be cloned of warm templates in it. */
  KilnPrepareImage: z.strictObject({
    ImageId: z.string(),
    /** The image's own and `-fast-launch` when absent. */
    Name: z.string().optional(),
  }),
  /** The newest first. */
  KilnDescribePipelineBuilds: z.strictObject({
    PipelineName: z.string().max(64).optional(),
    BuildIds: z.array(z.string()).optional(),
    MaxResults: z.number().int().min(1).max(1000).optional(),
  }),
  /** Follows its schedule again. */
  KilnEnablePipeline: z.strictObject({ Name: z.string().min(1).max(64) }),
  /** Does not follow its schedule until it is enabled again. */
  KilnDisablePipeline: z.strictObject({ Name: z.string().min(1).max(64) }),
}

export interface PipelineOutputs {
  KilnDescribePipelines: { Pipelines: PipelineDescription[] }
  KilnPutPipeline: Record<string, never>
  KilnDeletePipeline: Record<string, never>
  /** Without a task nothing had changed: image and number are those of the last build. */
  KilnBuildPipeline: { TaskId?: string; BuildNumber: number; ImageId?: string }
  /** Its log is that of the build. */
  KilnPrepareImage: { TaskId: string; PipelineName: string; BuildNumber: number }
  KilnDescribePipelineBuilds: { Builds: PipelineBuildDescription[] }
  KilnEnablePipeline: Record<string, never>
  KilnDisablePipeline: Record<string, never>
}

export interface PipelineDescription {
  Name: string
  /** The path of its file, or `lab NAME`. */
  Source: string
  /** SHA-256 of what a lab has put. */
  DocumentSha256?: string
  /** Why it cannot be used: a line for each mistake. Then most else is absent. */
  Problem?: string
  Description?: string
  Base?: string
  InstanceType?: string
  /** `name@version`, in their order. */
  Components?: string[]
  Steps?: string[]
  Tests?: string[]
  Parameters?: { Name: string; IsSecret: boolean; HasValue: boolean }[]
  ImageName?: string
  Regions?: string[]
  AccountIds?: string[]
  IsPublic?: boolean
  Registries?: string[]
  KeptImages?: number
  Schedule?: { Cron: string; TimeZone?: string; IsCaughtUp: boolean }
  /** Whether a schedule would be followed. */
  IsEnabled: boolean
  NextRun?: string
  LastBuild?: PipelineBuildDescription
}

export interface PipelineBuildDescription {
  /** The id of its task. */
  BuildId: string
  PipelineName: string
  Number: number
  Cause: 'call' | 'schedule'
  State: 'running' | 'succeeded' | 'failed' | 'cancelled'
  /** What it is doing. */
  Stage: string
  Components: string[]
  BaseImageId?: string
  ImageId?: string
  /** In other regions. */
  Copies: { Region: string; ImageId: string }[]
  Error?: { Code: string; Message: string }
  /** On this host; written while it runs. */
  LogPath: string
  StartedAt: string
  EndedAt?: string
}
