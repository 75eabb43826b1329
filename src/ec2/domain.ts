import type { Clock } from '../host/clock.ts'
import type { Random } from '../host/random.ts'
import type { StatePaths } from '../host/state-paths.ts'
import type { SessionVault } from './access/session-vault.ts'
import type { DescriptionRefresher } from './description/description-refresher.ts'
import type { EventBus } from './event/event-bus.ts'
import type { ClonePool } from './fast-launch/clone-pool.ts'
import type { WarmTemplates } from './fast-launch/warm-templates.ts'
import type { FaultClock } from './fault/fault-clock.ts'
import type { FlowCollector } from './flow-log/flow-collector.ts'
import type { FlowWatch } from './flow-log/flow-watch.ts'
import type { EventRunner } from './instance-event/event-runner.ts'
import type { InstanceTypeCatalog } from './instance-type/instance-type.ts'
import type { ImageWork } from './image/image-work.ts'
import type { ActiveKeys } from './instance-connect/active-keys.ts'
import type { SerialSessions } from './instance-connect/serial-sessions.ts'
import type { InstanceDriver } from './instance/driver.ts'
import type { LayerCheck } from './layer/layer-check.ts'
import type { LayerCollector } from './layer/layer-collector.ts'
import type { PipelineClock } from './pipeline/pipeline-clock.ts'
import type { PipelineLibrary } from './pipeline/pipeline-library.ts'
import type { PipelineWorks } from './pipeline/pipeline-works.ts'
import type { LifecycleManager } from './lifecycle/lifecycle-manager.ts'
import type { Marketplace } from './marketplace/marketplace.ts'
import type { MachineHost } from './ports/machine.ts'
import type { ImageArchive } from './ports/image-archive.ts'
import type { ObjectStore } from './ports/object-store.ts'
import type { Store } from './ports/store.ts'
import type { Quotas } from './quota.ts'
import type { RegionCatalog } from './region/region.ts'
import type { Community } from './registry/community.ts'
import type { RegistryWork } from './registry/registry-work.ts'
import type { ScheduleRunner } from './schedule/schedule-runner.ts'
import type { Freezer } from './snapshot/freezer.ts'
import type { TierWorker } from './snapshot/tier-worker.ts'
import type { LayerEncrypter } from './snapshot/layer-encrypter.ts'
import type { SpotInterrupter } from './spot/spot-interrupter.ts'
import type { TransferRunner } from './transfer/transfer-runner.ts'
import type { TaskRunner } from './task/task-runner.ts'
import type { VolumeDriver } from './volume/volume-driver.ts'
import type { NetworkDriver } from './vpc/network-driver.ts'

/** What the host lends to machines, and the rules of this installation. */
export interface DomainSettings {
  /** Sellable processors: the host's times the overcommit factor. */
  readonly vCpuCapacity: number
  /** Sellable memory in MiB. */
  readonly memoryCapacityMib: number
  /** What machines that are launched now may take before the host has to swap, in MiB: what it has available, times the overcommit factor. */
  readonly availableMemoryMib: () => number
  /** Loopback block that public addresses are taken from. */
  readonly publicCidr: string
  /** Longest wait for a guest to power off by itself before it is ended. */
  readonly stopTimeoutMs: number
  /** Longest wait for a guest to go down for a reboot before it is reset. */
  readonly rebootTimeoutMs: number
  /** How long a terminated instance stays visible. */
  readonly terminatedRetentionMs: number
  /** Whether instances that ran when the host went down are started again. */
  readonly startAfterHostReboot: boolean
  /** Aliases of the encryption keys that there are besides EC2's own. */
  readonly encryptionKeys: readonly string[]
  readonly quotas: Quotas
  /** The daemon's own account. */
  readonly accountId: string
  /** Absolute paths of directories whose files every account may import. */
  readonly importDirectories: readonly string[]
}

/** What there is of pipelines. */
export interface Pipelines {
  readonly library: PipelineLibrary
  readonly works: PipelineWorks
  readonly clock: PipelineClock
  /** A tar of images/guest, which an image is prepared by. */
  readGuestPart(): Promise<Buffer>
}

/** What operations work with. */
export interface Domain {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly paths: StatePaths
  readonly settings: DomainSettings
  readonly instanceTypes: InstanceTypeCatalog
  readonly regions: RegionCatalog
  readonly events: EventBus
  readonly instances: InstanceDriver
  readonly machines: Pick<MachineHost, 'readUefiVariables' | 'readEndorsementKeys'>
  readonly warmTemplates: WarmTemplates
  readonly clonePool: Pick<ClonePool, 'take' | 'waiting'>
  readonly networks: NetworkDriver
  readonly flows: FlowCollector
  readonly flowWatch: FlowWatch
  readonly volumes: VolumeDriver
  readonly freezer: Freezer
  readonly layerEncrypter: LayerEncrypter
  readonly descriptionRefresher: DescriptionRefresher
  readonly layers: LayerCollector
  readonly layerCheck: LayerCheck
  readonly tierWorker: TierWorker
  readonly tasks: TaskRunner
  readonly transfers: TransferRunner
  readonly objects: ObjectStore
  readonly archive: ImageArchive
  readonly imageWork: ImageWork
  readonly registryWork: RegistryWork
  readonly marketplace: Marketplace
  readonly lifecycle: LifecycleManager
  readonly community: Community
  readonly schedules: ScheduleRunner
  readonly pipelines: Pipelines
  readonly sessions: SessionVault
  readonly activeKeys: ActiveKeys
  /** Keys that open serial consoles. */
  readonly serialConsoleKeys: ActiveKeys
  readonly serialSessions: SerialSessions
  readonly spotInterrupter: SpotInterrupter
  readonly faults: FaultClock
  readonly eventRunner: EventRunner
}
