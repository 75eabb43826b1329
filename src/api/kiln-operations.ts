import { z } from 'zod'
import { type ImageCategory, imageCategories } from '../ec2/image/image-category.ts'
import { pipelineName } from '../ec2/pipeline/pipeline-name.ts'
import { exportFormats } from '../ec2/ports/disk.ts'

/**
 * What EC2 lacks, in EC2's manner: operations named `Kiln…`, members in capitals. Inputs are checked by these schemas;
 * outputs are the interfaces below. Times in outputs are ISO 8601 texts.
 */

const architecture = z.enum(['x86_64', 'i386', 'arm64'])
const bootMode = z.enum(['legacy-bios', 'uefi', 'uefi-preferred'])
const taskKind = z.enum([
  'build-image',
  'pull-image',
  'import-image',
  'push-image',
  'pull-registry-image',
  'export-snapshot',
  'build-pipeline',
  'check-disks',
  'get-product',
])
/** An absolute path of the host. */
const hostPath = z.string().startsWith('/', 'must be an absolute path').max(4096)
const registryReference = z.string().min(1).max(512)
const tagInput = z.strictObject({ Key: z.string(), Value: z.string().optional() })

/** Input of every Kiln operation, by name. */
export const kilnInputs = {
  /** Health and addresses of the daemon. */
  KilnGetStatus: z.strictObject({}),
  /** What AWS tools need to talk to this daemon. */
  KilnGetEnvironment: z.strictObject({}),
  /** Starts building an image from a recipe of images/. */
  KilnBuildImage: z.strictObject({
    Recipe: z.string().min(1),
    Name: z.string().optional(),
    /** The recipe's first when absent. */
    Architecture: architecture.optional(),
    /** The usual one of the architecture when absent. */
    BootMode: bootMode.optional(),
  }),
  /** Starts downloading an image of the Quick Start catalogue. */
  KilnPullImage: z.strictObject({
    CatalogName: z.string().min(1),
    Name: z.string().optional(),
    /** Takes `NAME-ARCHITECTURE` of the catalogue when NAME is of another. */
    Architecture: architecture.optional(),
  }),
  /** Starts importing a disk image from an absolute path on the host, or an http(s) URL. */
  KilnImportImage: z.strictObject({
    Source: z.string().min(1).max(4096),
    Name: z.string(),
    Description: z.string().max(255).optional(),
    Architecture: architecture.optional(),
    /** The usual one of the architecture when absent. */
    BootMode: bootMode.optional(),
    /** `sha256:HEX` or `sha512:HEX`. */
    Checksum: z.string().max(160).optional(),
    LoginUser: z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/, 'must be a user name')
      .optional(),
  }),
  /** Starts writing one of the caller's snapshots as a file of the host, in a format of its own. */
  KilnExportSnapshot: z.strictObject({
    SnapshotId: z.string(),
    /** An absolute path. */
    Destination: z.string().startsWith('/', 'must be an absolute path').max(4096),
    Format: z.enum(exportFormats),
    /** Of qcow2 only. */
    IsCompressed: z.boolean().optional(),
    /** Whether a file that is there may be replaced. */
    Overwrite: z.boolean().optional(),
  }),
  /** Starts sending an image to a registry. */
  KilnPushImage: z.strictObject({
    ImageId: z.string(),
    /** `registry/name:tag`. */
    Reference: registryReference,
    /** A private key in PEM, or cosign.key. */
    SigningKeyFile: hostPath.optional(),
    SigningKeyPassword: z.string().max(1024).optional(),
  }),
  /** Starts bringing an image from a registry. */
  KilnPullRegistryImage: z.strictObject({
    /** `registry/name:tag`, or `registry/name@sha256:HEX`. */
    Reference: registryReference,
    Name: z.string().optional(),
    /** A key that must have signed it. */
    PublicKeyFile: hostPath.optional(),
  }),
  /** Signs an image that is in a registry. */
  KilnSignRegistryImage: z.strictObject({
    Reference: registryReference,
    SigningKeyFile: hostPath,
    SigningKeyPassword: z.string().max(1024).optional(),
  }),
  /** Starts sending an image that is public to the community registry, for other Kilns. */
  KilnPublishImage: z.strictObject({
    ImageId: z.string(),
    SigningKeyFile: hostPath.optional(),
    SigningKeyPassword: z.string().max(1024).optional(),
  }),
  /** Takes back what the account has published by that name. */
  KilnUnpublishImage: z.strictObject({ Name: z.string().min(1).max(128) }),
  /** What others, and this Kiln, have published. */
  KilnDescribeCommunityImages: z.strictObject({
    /** A part of the name, the description or the owner. */
    Query: z.string().min(1).max(128).optional(),
  }),
  /** Starts bringing a community image, as a public AMI of its publisher's account. */
  KilnPullCommunityImage: z.strictObject({
    Name: z.string().min(1).max(128),
    /** Its publisher, where several have published that name. */
    OwnerId: z
      .string()
      .regex(/^\d{12}$/, 'must be twelve digits')
      .optional(),
  }),
  /** Deregisters a community image here, with those of its snapshots that nothing else maps; its publisher keeps it. */
  KilnForgetCommunityImage: z.strictObject({ ImageId: z.string() }),
  /** Keeps a login, once the registry has let it in. */
  KilnLoginToRegistry: z.strictObject({
    Host: z.string().max(255),
    Username: z
      .string()
      .min(1)
      .max(255)
      .regex(/^[^:]*$/, 'must have no colon'),
    Password: z.string().min(1).max(16_384),
  }),
  KilnLogoutFromRegistry: z.strictObject({ Host: z.string().max(255) }),
  KilnDescribeRecipes: z.strictObject({}),
  /** Ancestry and sizes of all layers, images, snapshots and volumes, of all accounts, and what deleting each would free. */
  KilnDescribeDisks: z.strictObject({}),
  /** Starts reading the layers that images, snapshots, volumes or layers stand on, or all, and comparing them with their records. */
  KilnCheckDisks: z.strictObject({ ResourceIds: z.array(z.string().max(64)).min(1).max(1000).optional() }),
  KilnDescribeCatalog: z.strictObject({}),
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
  /** Tasks of this run of the daemon and those that ended in the last day. */
  KilnDescribeTasks: z.strictObject({ TaskIds: z.array(z.string()).optional() }),
  KilnCancelTask: z.strictObject({ TaskId: z.string() }),
  /** How an instance boots and runs: stages with their seconds, process, files. */
  KilnDescribeInstance: z.strictObject({ InstanceId: z.string() }),
  /** Starts or stops instances at set times. Replaces a schedule of the same name. */
  KilnPutSchedule: z.strictObject({
    Name: z.string().min(1).max(128),
    InstanceIds: z.array(z.string()).min(1),
    Action: z.enum(['start', 'stop']),
    /** Five fields, as in cron(8). */
    Cron: z.string(),
    /** IANA name; the host's own when absent. */
    TimeZone: z.string().optional(),
  }),
  KilnDescribeSchedules: z.strictObject({}),
  KilnDeleteSchedule: z.strictObject({ Name: z.string() }),
  /** A rule of the Recycle Bin: what is deleted is kept for so many days. With the identifier of a rule, changes it. */
  KilnPutRetentionRule: z.strictObject({
    Identifier: z.string().max(64).optional(),
    ResourceType: z.enum(['EC2_IMAGE', 'EBS_SNAPSHOT']),
    RetentionDays: z.number().int(),
    Description: z.string().max(255).optional(),
    /** What has one of these is kept; without them all that the region has. An empty value stands for any. */
    ResourceTags: z.array(tagInput).optional(),
    ExcludeResourceTags: z.array(tagInput).optional(),
  }),
  KilnDescribeRetentionRules: z.strictObject({}),
  /** What is in the bin stays for its time. */
  KilnDeleteRetentionRule: z.strictObject({ Identifier: z.string().max(64) }),
  /** The category of each image that the caller sees: where EC2's launch wizard would have it. */
  KilnDescribeImageCategories: z.strictObject({ Category: z.enum(imageCategories).optional() }),
  /** What the marketplace offers, without the licences. */
  KilnDescribeProducts: z.strictObject({}),
  /** With its licence; by name or product code. */
  KilnDescribeProduct: z.strictObject({ Product: z.string().max(128) }),
  /** Accepts the licence with that digest for the account, and has the image made where it is not there yet. */
  KilnSubscribe: z.strictObject({ Product: z.string().max(128), LicenceSha256: z.string().max(128) }),
  KilnUnsubscribe: z.strictObject({ Product: z.string().max(128) }),
  /** Reads the catalogue of marketplace.url again. */
  KilnUpdateMarketplace: z.strictObject({}),
  /** The account's lifecycle policies, in all regions, as their files say them. */
  KilnDescribeLifecyclePolicies: z.strictObject({}),
  /** Carries a policy out at once; a dry run changes nothing and tells what would be. */
  KilnRunLifecyclePolicy: z.strictObject({ Name: z.string().max(64), IsDryRun: z.boolean().optional() }),
  /** From now on its schedule changes something, until its file changes. */
  KilnEnableLifecyclePolicy: z.strictObject({ Name: z.string().max(64) }),
  /** From now on its schedule only tells what it would do. */
  KilnDisableLifecyclePolicy: z.strictObject({ Name: z.string().max(64) }),
  /** The newest first. */
  KilnDescribeLifecycleRuns: z.strictObject({ Name: z.string().max(64) }),
  /** Gives a spot instance notice, and takes it away when the notice is over. */
  KilnInterruptSpotInstance: z.strictObject({
    InstanceId: z.string(),
    /** EC2's are two minutes. */
    NoticeSeconds: z.number().int().min(0).max(86_400).optional(),
  }),
  /** State changes after the event of that number, of all accounts and regions, oldest first. */
  KilnDescribeEvents: z.strictObject({
    AfterEventNumber: z.number().int().nonnegative().optional(),
    MaxResults: z.number().int().min(1).max(1000).optional(),
  }),
  /** Makes an access key; its secret is told this once. */
  KilnCreateAccessKey: z.strictObject({
    /** The caller's own when absent. An account is there as soon as it has a key. */
    AccountId: z
      .string()
      .regex(/^\d{12}$/, 'must be twelve digits')
      .optional(),
    IsReadOnly: z.boolean().optional(),
    Description: z.string().max(255).optional(),
  }),
  /** Of all accounts. */
  KilnDescribeAccessKeys: z.strictObject({}),
  KilnEnableAccessKey: z.strictObject({ AccessKeyId: z.string().max(128) }),
  /** Ends the temporary credentials that were got with it, too. */
  KilnDisableAccessKey: z.strictObject({ AccessKeyId: z.string().max(128) }),
  KilnDeleteAccessKey: z.strictObject({ AccessKeyId: z.string().max(128) }),
  /** Calls that changed something or were refused, of all accounts, after the one of that number, oldest first. */
  KilnDescribeAuditLog: z.strictObject({
    AfterNumber: z.number().int().nonnegative().optional(),
    MaxResults: z.number().int().min(1).max(1000).optional(),
    Operation: z.string().max(128).optional(),
  }),
} satisfies Record<`Kiln${string}`, z.ZodType>

export interface KilnOutputs {
  KilnGetStatus: DaemonStatus
  KilnGetEnvironment: {
    EndpointUrl: string
    AccessKeyId: string
    SecretAccessKey: string
    Region: string
    AccountId: string
  }
  KilnBuildImage: { TaskId: string }
  KilnPullImage: { TaskId: string }
  KilnImportImage: { TaskId: string }
  KilnPushImage: { TaskId: string }
  KilnPullRegistryImage: { TaskId: string }
  KilnSignRegistryImage: { Digest: string }
  KilnPublishImage: { TaskId: string }
  KilnUnpublishImage: Record<string, never>
  KilnDescribeCommunityImages: { Images: CommunityImageDescription[] }
  KilnPullCommunityImage: { TaskId: string }
  KilnForgetCommunityImage: Record<string, never>
  KilnLoginToRegistry: Record<string, never>
  KilnLogoutFromRegistry: { WasLoggedIn: boolean }
  KilnExportSnapshot: { TaskId: string }
  KilnDescribeRecipes: {
    /** The architecture of a build that asks for none comes first. */
    Recipes: { Name: string; Description: string; Architectures: z.infer<typeof architecture>[] }[]
  }
  KilnDescribeCatalog: {
    Entries: {
      Name: string
      Description: string
      Architecture: string
      Url: string
      LoginUser: string
      /** The newest image that was pulled by this name. */
      ImageId?: string
    }[]
  }
  KilnDescribePipelines: { Pipelines: PipelineDescription[] }
  KilnPutPipeline: Record<string, never>
  KilnDeletePipeline: Record<string, never>
  /** Without a task nothing had changed: image and number are those of the last build. */
  KilnBuildPipeline: { TaskId?: string; BuildNumber: number; ImageId?: string }
  KilnDescribePipelineBuilds: { Builds: PipelineBuildDescription[] }
  KilnEnablePipeline: Record<string, never>
  KilnDisablePipeline: Record<string, never>
  KilnDescribeDisks: DiskDescription
  KilnCheckDisks: { TaskId: string }
  KilnDescribeTasks: { Tasks: TaskDescription[] }
  KilnCancelTask: { Task: TaskDescription }
  KilnDescribeInstance: InstanceDetail
  KilnPutSchedule: { Schedule: ScheduleDescription }
  KilnDescribeSchedules: { Schedules: ScheduleDescription[] }
  KilnDeleteSchedule: Record<string, never>
  KilnPutRetentionRule: { Rule: RetentionRuleDescription }
  KilnDescribeRetentionRules: { Rules: RetentionRuleDescription[] }
  KilnDeleteRetentionRule: Record<string, never>
  KilnDescribeImageCategories: { Images: { ImageId: string; Category: ImageCategory }[] }
  KilnDescribeProducts: { Products: ProductDescription[] }
  KilnDescribeProduct: { Product: ProductDescription & { Licence: string } }
  KilnSubscribe: { Subscription: SubscriptionDescription; ImageId?: string; TaskId?: string }
  KilnUnsubscribe: { Product: string }
  KilnUpdateMarketplace: { Products: ProductDescription[] }
  KilnDescribeLifecyclePolicies: { Policies: LifecyclePolicyDescription[] }
  KilnRunLifecyclePolicy: { Run: LifecycleRunDescription }
  KilnEnableLifecyclePolicy: { Policy: LifecyclePolicyDescription }
  KilnDisableLifecyclePolicy: { Policy: LifecyclePolicyDescription }
  KilnDescribeLifecycleRuns: { Runs: LifecycleRunDescription[] }
  KilnInterruptSpotInstance: { InstanceId: string; Action: 'terminate'; Time: string }
  KilnDescribeEvents: { Events: EventDescription[] }
  KilnCreateAccessKey: { AccessKey: AccessKeyDescription & { SecretAccessKey: string } }
  KilnDescribeAccessKeys: { AccessKeys: AccessKeyDescription[] }
  KilnEnableAccessKey: { AccessKey: AccessKeyDescription }
  KilnDisableAccessKey: { AccessKey: AccessKeyDescription }
  KilnDeleteAccessKey: Record<string, never>
  KilnDescribeAuditLog: { Entries: AuditEntry[] }
}

export interface DaemonStatus {
  Pid: number
  Version: string
  StartedAt: string
  /** `ok`, or `degraded` when Warnings says something that needs the user. */
  Health: 'ok' | 'degraded'
  StateDirectory: string
  EndpointUrl: string
  /** Loopback block of this daemon's public addresses. */
  PublicCidr: string
  Accelerator: { Name: 'kvm' | 'tcg'; IsProven: boolean; Reason: string }
  Capacity: { VCpus: number; UsedVCpus: number; MemoryMib: number; UsedMemoryMib: number }
  InstanceCounts: Record<string, number>
  Warnings: string[]
}

/** What something takes on the host's disk, with all that it stands on; sizes are those of the files, whatever the disks hold. */
export interface DiskUse {
  TotalBytes: number
  /** Of that, what others stand on too. */
  SharedBytes: number
  /** What deleting it would free; of an image, with its snapshots. */
  FreedBytes: number
}

export interface DiskDescription {
  Layers: {
    LayerId: string
    /** What it stands on. */
    ParentId?: string
    State: string
    Bytes: number
    /** Layers of its chain, itself included. */
    Depth: number
    IsFlattening: boolean
    Damage?: { FoundAt: string; Reason: string }
    SnapshotIds: string[]
  }[]
  Images: (DiskUse & { ImageId: string; Name: string; SnapshotIds: string[]; RetentionDays?: number })[]
  /** `RetentionDays`: deleting frees nothing before it has been in the Recycle Bin for so long. */
  Snapshots: (DiskUse & {
    SnapshotId: string
    LayerId: string
    State: string
    StorageTier: 'standard' | 'archive'
    /** Images that map it: it cannot be deleted before those. */
    ImageIds: string[]
    RetentionDays?: number
  })[]
  RecycledSnapshots: (DiskUse & { SnapshotId: string; LayerId: string; ExitTime: string })[]
  /** `OwnBytes` is its overlay: what was written since its last snapshot. */
  Volumes: (DiskUse & {
    VolumeId: string
    LayerId?: string
    InstanceId?: string
    State: string
    OwnBytes: number
  })[]
  LayerBytes: number
  VolumeBytes: number
  /** Of the host's file system, for an ordinary user. */
  FreeBytes: number
}

export interface CommunityImageDescription {
  Name: string
  /** Its publisher's account. */
  OwnerId: string
  Digest: string
  Description?: string
  Architecture?: string
  CreationDate?: string
  /** Of its layers. */
  SizeBytes?: number
  /** When it is here. */
  ImageId?: string
}

export interface TaskDescription {
  TaskId: string
  Kind: z.infer<typeof taskKind>
  /** What it works on: recipe, catalogue name, source or snapshot. */
  Subject: string
  State: 'running' | 'succeeded' | 'failed' | 'cancelled'
  Stage: string
  DoneBytes?: number
  TotalBytes?: number
  Detail?: string
  /** When it has succeeded in making one. */
  ImageId?: string
  /** What a person should know of the result, such as that the image was there already. */
  Note?: string
  /** What went to a registry, or came from one. */
  Transfer?: {
    /** Of the manifest. */
    Digest: string
    /** Bytes that went over the line. */
    MovedBytes: number
    /** Bytes of layers that were there already. */
    SkippedBytes: number
  }
  Error?: { Code: string; Message: string }
  StartedAt: string
  EndedAt?: string
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

export type BootStageName = 'disk' | 'qemu' | 'firmware' | 'kernel' | 'network' | 'metadata' | 'cloud-init' | 'ssh'

export interface InstanceDetail {
  InstanceId: string
  /** When the present or last boot was asked for: by a launch, a start, a reboot, or the guest itself. */
  BootRequestedAt?: string
  /** Seconds after that; absent while not reached. */
  BootStages: { Name: BootStageName; Seconds?: number }[]
  Accelerator?: { Name: 'kvm' | 'tcg'; Reason: string }
  QemuPid?: number
  LoginUser: string
  /** Directory with the console log and the sockets. */
  MachineDirectory: string
  RootDisk?: { Path: string; VirtualSizeBytes: number; AllocatedBytes: number }
  /** How the host reaches the instance; `HostPort` differs from `Port` where ports below 1024 need root. */
  PublicPorts: { Port: number; HostPort?: number; Problem?: string }[]
  /** For example a disk-full pause, or what cloud-init in the guest complained of. */
  Problem?: string
}

export interface ScheduleDescription {
  Name: string
  InstanceIds: string[]
  Action: 'start' | 'stop'
  Cron: string
  TimeZone?: string
  NextRun?: string
}

export interface RetentionRuleDescription {
  Identifier: string
  ResourceType: 'EC2_IMAGE' | 'EBS_SNAPSHOT'
  RetentionDays: number
  Description: string
  ResourceTags: { Key: string; Value: string }[]
  ExcludeResourceTags: { Key: string; Value: string }[]
}

export interface ProductDescription {
  Name: string
  ProductCode: string
  Publisher: { Name: string; AccountId: string }
  Title: string
  Version: string
  Description: string
  Architecture: string
  LicenceSha256: string
  /** The image of this version in the region, once somebody has got it. */
  ImageId?: string
  /** The caller's. */
  Subscription?: SubscriptionDescription
}

export interface SubscriptionDescription {
  AcceptedAt: string
  AcceptedBy: string
  LicenceSha256: string
  /** False when the licence has changed since: then it must be accepted again. */
  IsCurrent: boolean
}

export interface LifecyclePolicyDescription {
  Name: string
  File: string
  /** `trial`: its schedule tells what it would do; `malformed`: see Problem. */
  State: 'enabled' | 'trial' | 'malformed'
  /** File, line and key of each mistake. */
  Problem?: string
  Region?: string
  Description?: string
  Kind?: 'snapshots' | 'images' | 'clean-up'
  Cron?: string
  TimeZone?: string
  NextRun?: string
}

export interface LifecycleRunDescription {
  PolicyName: string
  Region: string
  StartedAt: string
  EndedAt: string
  Trigger: 'schedule' | 'call'
  IsDryRun: boolean
  Steps: {
    Action: 'create' | 'copy' | 'deprecate' | 'delete' | 'keep'
    ResourceId: string
    Region: string
    Reason: string
    /** Ids, with spaces between. */
    MadeId?: string
    Error?: string
  }[]
}

export interface EventDescription {
  Number: number
  Time: string
  /** `instance-state-change`, `image-state-change`, `machine-problem`, `task`, … */
  Kind: string
  ResourceId: string
  Message: string
  Detail?: Record<string, string>
}

export interface AccessKeyDescription {
  AccessKeyId: string
  AccountId: string
  State: 'enabled' | 'disabled'
  IsReadOnly: boolean
  Description: string
  CreatedAt: string
}

export interface AuditEntry {
  Number: number
  Time: string
  RequestId: string
  AccountId: string
  Region: string
  Operation: string
  /** Who called. */
  Arn: string
  /** The key that signed; absent for calls over the daemon's socket. */
  AccessKeyId?: string
  Source: 'query' | 'socket' | 'schedule' | 'pipeline'
  SourceAddress?: string
  /** Set when a guest called. */
  SourceVpcId?: string
  /** Without secrets; long ones are cut. */
  Parameters: Record<string, unknown>
  /** What the answer named. */
  ResourceIds: string[]
  /** Absent when it was done. */
  Error?: { Code: string; Message: string }
}
