import type { z } from 'zod'
import { accessKeyInputs, type AccessKeyOutputs } from './kiln/access-key.ts'
import { auditInputs, type AuditOutputs } from './kiln/audit.ts'
import { communityInputs, type CommunityOutputs } from './kiln/community.ts'
import { daemonInputs, type DaemonOutputs } from './kiln/daemon.ts'
import { diskInputs, type DiskOutputs } from './kiln/disk.ts'
import { eventInputs, type EventOutputs } from './kiln/event.ts'
import { imageInputs, type ImageOutputs } from './kiln/image.ts'
import { instanceInputs, type InstanceOutputs } from './kiln/instance.ts'
import { lifecycleInputs, type LifecycleOutputs } from './kiln/lifecycle.ts'
import { marketplaceInputs, type MarketplaceOutputs } from './kiln/marketplace.ts'
import { pipelineInputs, type PipelineOutputs } from './kiln/pipeline.ts'
import { registryInputs, type RegistryOutputs } from './kiln/registry.ts'
import { retentionRuleInputs, type RetentionRuleOutputs } from './kiln/retention-rule.ts'
import { scheduleInputs, type ScheduleOutputs } from './kiln/schedule.ts'
import { snapshotInputs, type SnapshotOutputs } from './kiln/snapshot.ts'
import { taskInputs, type TaskOutputs } from './kiln/task.ts'

/**
 * What EC2 lacks, in EC2's manner: operations named `Kiln…`, members in capitals. Inputs are checked by these schemas; outputs are
 * interfaces beside them. Times in outputs are ISO 8601 texts.
 */
export const kilnInputs = {
  ...daemonInputs,
  ...imageInputs,
  ...snapshotInputs,
  ...registryInputs,
  ...communityInputs,
  ...diskInputs,
  ...pipelineInputs,
  ...taskInputs,
  ...instanceInputs,
  ...scheduleInputs,
  ...retentionRuleInputs,
  ...marketplaceInputs,
  ...lifecycleInputs,
  ...eventInputs,
  ...accessKeyInputs,
  ...auditInputs,
} satisfies Record<`Kiln${string}`, z.ZodType>

export interface KilnOutputs
  extends DaemonOutputs,
    ImageOutputs,
    SnapshotOutputs,
    RegistryOutputs,
    CommunityOutputs,
    DiskOutputs,
    PipelineOutputs,
    TaskOutputs,
    InstanceOutputs,
    ScheduleOutputs,
    RetentionRuleOutputs,
    MarketplaceOutputs,
    LifecycleOutputs,
    EventOutputs,
    AccessKeyOutputs,
    AuditOutputs {}
