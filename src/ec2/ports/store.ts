import type { EventRecord } from '../event/event.ts'
import type { ImageRecord } from '../image/image.ts'
import type { InstanceRecord } from '../instance/instance.ts'
import type { KeyPairRecord } from '../key-pair/key-pair.ts'
import type { LaunchTemplateRecord, LaunchTemplateVersionRecord } from '../launch-template/launch-template.ts'
import type { LayerRecord } from '../layer/layer.ts'
import type { InterfaceRecord } from '../network-interface/network-interface.ts'
import type { ScheduleRecord } from '../schedule/schedule.ts'
import type { SecurityGroupRecord } from '../security-group/security-group.ts'
import type { SnapshotRecord } from '../snapshot/snapshot.ts'
import type { SubnetRecord } from '../subnet/subnet.ts'
import type { TaskRecord } from '../task/task.ts'
import type { VolumeRecord } from '../volume/volume.ts'
import type { VpcRecord } from '../vpc/vpc.ts'

/** Whose resources: every record belongs to one account and one region. */
export interface Scope {
  readonly accountId: string
  readonly region: string
}

/** What every record has. Times inside records are ISO 8601 texts. */
export interface ResourceRecord extends Scope {
  readonly id: string
}

/** A record with its place in the order of creation, which paging leans on. */
export interface Sequenced<T> {
  readonly sequence: number
  readonly record: T
}

/** The records of one kind of resource. All calls are synchronous; those that write must run inside `Store.transaction`. */
export interface Collection<T extends ResourceRecord, Index extends string = never> {
  /** Only when it belongs to the scope: what is another account's does not exist. */
  get(scope: Scope, id: string): T | undefined
  /** Whoever it belongs to. For the daemon's own work, never for answering a caller. */
  find(id: string): T | undefined
  list(scope: Scope): T[]
  count(scope: Scope): number
  /** Everyone's, in order of creation. For the daemon's own work. */
  listAll(): T[]
  /** In order of creation, those after `afterSequence`; at most `limit`. */
  page(scope: Scope, afterSequence: number, limit: number): Sequenced<T>[]
  /** By an indexed member, whoever they belong to, in order of creation. */
  listBy(index: Index, value: string): T[]
  countBy(index: Index, value: string): number
  insert(record: T): void
  /** Replaces the record of that id. Throws when there is none. */
  replace(record: T): void
  remove(id: string): void
}

export interface Tag {
  readonly key: string
  readonly value: string
}

/** Tags of every kind of resource, in one table. */
export interface TagStore {
  of(resourceId: string): Tag[]
  put(scope: Scope, resourceId: string, resourceType: string, tags: readonly Tag[]): void
  remove(resourceId: string, tags: readonly { key: string; value?: string }[]): void
  removeAll(resourceId: string): void
  page(scope: Scope, afterSequence: number, limit: number): Sequenced<TaggedResource>[]
}

export interface TaggedResource extends Tag {
  readonly resourceId: string
  readonly resourceType: string
}

/** What was answered to a ClientToken, so that the same call gets the same answer. */
export interface ClientTokenRecord extends Scope {
  readonly operation: string
  readonly token: string
  readonly inputDigest: string
  /** JSON. */
  readonly output: string
  readonly createdAt: string
}

export interface AccessKeyRecord {
  readonly id: string
  readonly accountId: string
  readonly secret: string
  readonly createdAt: string
}

export interface Store {
  readonly instances: Collection<InstanceRecord, 'state'>
  readonly volumes: Collection<VolumeRecord, 'state' | 'attachment.instanceId' | 'snapshotId' | 'layerId'>
  readonly interfaces: Collection<InterfaceRecord, 'vpcId' | 'subnetId' | 'attachment.instanceId' | 'publicIp'>
  readonly images: Collection<ImageRecord>
  readonly snapshots: Collection<SnapshotRecord, 'layerId'>
  readonly layers: Collection<LayerRecord, 'state'>
  readonly keyPairs: Collection<KeyPairRecord, 'name'>
  readonly securityGroups: Collection<SecurityGroupRecord, 'vpcId'>
  readonly vpcs: Collection<VpcRecord>
  readonly subnets: Collection<SubnetRecord, 'vpcId'>
  readonly tasks: Collection<TaskRecord, 'state'>
  readonly schedules: Collection<ScheduleRecord>
  readonly launchTemplates: Collection<LaunchTemplateRecord, 'name'>
  readonly launchTemplateVersions: Collection<LaunchTemplateVersionRecord, 'templateId'>
  readonly tags: TagStore
  readonly events: {
    append(event: Omit<EventRecord, 'number'>): EventRecord
    after(number: number, limit: number): EventRecord[]
  }
  readonly clientTokens: {
    get(scope: Scope, operation: string, token: string): ClientTokenRecord | undefined
    put(record: ClientTokenRecord): void
    removeBefore(time: string): void
  }
  readonly accessKeys: {
    find(id: string): AccessKeyRecord | undefined
    list(): AccessKeyRecord[]
    insert(key: AccessKeyRecord): void
  }
  /** Small facts about this state directory, such as its block of public addresses. */
  readonly settings: { get(name: string): string | undefined; put(name: string, value: string): void }
  /**
   * Runs `work` in one transaction; it is on disk for good when this returns. A throw takes everything back.
   * Nested calls join the outer transaction.
   */
  transaction<R>(work: () => R): R
  close(): void
}
