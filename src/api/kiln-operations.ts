import type { z } from 'zod'
import { accessKeyInputs, type AccessKeyOutputs } from './kiln/access-key.ts'
import { auditInputs, type AuditOutputs } from './kiln/audit.ts'
import { communityInputs, type CommunityOutputs } from './kiln/community.ts'
import { daemonInputs, type DaemonOutputs } from './kiln/daemon.ts'
import { diskInputs, type DiskOutputs } from './kiln/disk.ts'
import { dnsInputs, type DnsOutputs } from './kiln/dns.ts'
import { eventInputs, type EventOutputs } from './kiln/event.ts'
import { fastLaunchInputs, type FastLaunchOutputs } from './kiln/fast-launch.ts'
import { faultInputs, type FaultOutputs } from './kiln/fault.ts'
import { flowInputs, type FlowOutputs } from './kiln/flow.ts'
import { pathInputs, type PathOutputs } from './kiln/path.ts'
import { imageInputs, type ImageOutputs } from './kiln/image.ts'
import { instanceInputs, type InstanceOutputs } from './kiln/instance.ts'
import { lifecycleInputs, type LifecycleOutputs } from './kiln/lifecycle.ts'
import { marketplaceInputs, type MarketplaceOutputs } from './kiln/marketplace.ts'
import { metadataInputs, type MetadataOutputs } from './kiln/metadata.ts'
import { pipelineInputs, type PipelineOutputs } from './kiln/pipeline.ts'
import { registryInputs, type RegistryOutputs } from './kiln/registry.ts'
import { retentionRuleInputs, type RetentionRuleOutputs } from './kiln/retention-rule.ts'
import { scheduleInputs, type ScheduleOutputs } from './kiln/schedule.ts'
import { snapshotInputs, type SnapshotOutputs } from './kiln/snapshot.ts'
import { taskInputs, type TaskOutputs } from './kiln/task.ts'
import { usageInputs, type UsageOutputs } from './kiln/usage.ts'

/**
 * What EC2 lacks, in EC2's manner: operations named `Kiln…`, members in capitals. Inputs are checked by these schemas; outputs are
 * interfaces beside them. Times in outputs are ISO 8601 texts.
 */
export const kilnInputs = {
  ...daemonInputs,
  ...imageInputs,
  ...fastLaunchInputs,
  ...snapshotInputs,
  ...registryInputs,
  ...communityInputs,
  ...diskInputs,
  ...pipelineInputs,
  ...taskInputs,
  ...instanceInputs,
  ...metadataInputs,
  ...scheduleInputs,
  ...dnsInputs,
  ...retentionRuleInputs,
  ...marketplaceInputs,
  ...lifecycleInputs,
  ...eventInputs,
  ...faultInputs,
  ...accessKeyInputs,
  ...auditInputs,
  ...flowInputs,
  ...pathInputs,
  ...usageInputs,
} satisfies Record<`Kiln${string}`, z.ZodType>

export interface KilnOutputs
  extends DaemonOutputs,
    ImageOutputs,
    FastLaunchOutputs,
    SnapshotOutputs,
    RegistryOutputs,
    CommunityOutputs,
    DiskOutputs,
    PipelineOutputs,
    TaskOutputs,
    InstanceOutputs,
    MetadataOutputs,
    ScheduleOutputs,
    DnsOutputs,
    RetentionRuleOutputs,
    MarketplaceOutputs,
    LifecycleOutputs,
    EventOutputs,
    FaultOutputs,
    AccessKeyOutputs,
    AuditOutputs,
    FlowOutputs,
    PathOutputs,
    UsageOutputs {}
