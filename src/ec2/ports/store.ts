import type { ConnectEndpointRecord } from '../connect-endpoint/connect-endpoint.ts'
import type { AccessKeyRecord } from '../access/access-key.ts'
import type { AuditQuery, AuditRecord } from '../audit/audit.ts'
import type { AddressRecord } from '../address/address.ts'
import type { DhcpOptionsRecord } from '../dhcp-options/dhcp-options.ts'
import type { DnsRecord, DnsZoneRecord } from '../dns-zone/dns-zone.ts'
import type { EgressOnlyGatewayRecord } from '../egress-only-gateway/egress-only-gateway.ts'
import type { EventRecord } from '../event/event.ts'
import type { EventWindowRecord } from '../event-window/event-window.ts'
import type { ProfileAssociationRecord } from '../iam-instance-profile/association.ts'
import type { FastLaunchRecord, WarmTemplateRecord } from '../fast-launch/fast-launch.ts'
import type { FaultRecord } from '../fault/fault.ts'
import type { FleetRecord } from '../fleet/fleet.ts'
import type { FlowLogRecord } from '../flow-log/flow-log.ts'
import type { DeregisteredImageRecord } from '../image/deregistered-image.ts'
import type { ImageRecord } from '../image/image.ts'
import type { InstanceRecord } from '../instance/instance.ts'
import type { InternetGatewayRecord } from '../internet-gateway/internet-gateway.ts'
import type { KeyPairRecord } from '../key-pair/key-pair.ts'
import type { LaunchTemplateRecord, LaunchTemplateVersionRecord } from '../launch-template/launch-template.ts'
import type { LayerRecord } from '../layer/layer.ts'
import type { LifecycleEnablement, LifecycleRunRecord } from '../lifecycle/policy.ts'
import type { SubscriptionRecord } from '../marketplace/marketplace.ts'
import type { NetworkAclRecord } from '../network-acl/network-acl.ts'
import type { NatGatewayRecord } from '../nat-gateway/nat-gateway.ts'
import type { InsightsAnalysisRecord, InsightsPathRecord } from '../network-insights/network-insights.ts'
import type { InterfaceRecord } from '../network-interface/network-interface.ts'
import type { PipelineBuildRecord, PipelineRecord } from '../pipeline/pipeline.ts'
import type { PlacementGroupRecord } from '../placement-group/placement-group.ts'
import type { RouteTableRecord } from '../route-table/route-table.ts'
import type { PrefixListRecord, PrefixListVersionRecord } from '../prefix-list/prefix-list.ts'
import type { RecycledRecord } from '../recycle-bin/recycled.ts'
import type { RetentionRuleRecord } from '../recycle-bin/retention-rule.ts'
import type { RootVolumeTaskRecord } from '../root-volume-task/root-volume-task.ts'
import type { ScheduleRecord } from '../schedule/schedule.ts'
import type { TimerRecord } from '../schedule/timer.ts'
import type { SecurityGroupRecord } from '../security-group/security-group.ts'
import type { SnapshotRecord } from '../snapshot/snapshot.ts'
import type { SpotRequestRecord } from '../spot/spot-request.ts'
import type { CidrReservationRecord } from '../subnet/cidr-reservation.ts'
import type { SubnetRecord } from '../subnet/subnet.ts'
import type { TaskRecord } from '../task/task.ts'
import type { TransferRecord } from '../transfer/transfer.ts'
import type { VolumeRecord } from '../volume/volume.ts'
import type { VpcRecord } from '../vpc/vpc.ts'
import type { PeeringRecord } from '../vpc-peering/vpc-peering.ts'

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

/**
 * Where the records of a list are looked for, instead of among all of a scope: what an index answers. It may give more records than
 * are wanted, never fewer.
 */
export type Candidates =
  | { readonly kind: 'ids'; readonly ids: readonly string[] }
  /** Those whose indexed member is one of the values; of a list, whose list has one of them. */
  | { readonly kind: 'member'; readonly index: string; readonly values: readonly string[] }
  /** Those that have a tag with one of the keys, and with one of the values or one that passes the test, where these are given. */
  | {
      readonly kind: 'tag'
      readonly keys: readonly string[]
      readonly values?: readonly string[]
      readonly test?: (value: string) => boolean
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
  /** Everyone's ids, in order of creation. */
  listIds(): string[]
  /** In order of creation, those after `afterSequence`; at most `limit`. All that are among each of the candidates, perhaps others. */
  page(scope: Scope, afterSequence: number, limit: number, among?: readonly Candidates[]): Sequenced<T>[]
  /** By an indexed member, whoever they belong to, in order of creation; of a list (`groupIds[]`), those whose list has the value. */
  listBy(index: Index, value: string): T[]
  /** The same for many values in one reading; a value that nothing has is left out. */
  listByEach(index: Index, values: readonly string[]): ReadonlyMap<string, T[]>
  /** As `listBy`, those after `afterSequence`, with their places. */
  pageBy(index: Index, value: string, afterSequence: number): Sequenced<T>[]
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
  /** Of all who put any on it, or of one of them: a peering connection has tags of each of its owners. */
  of(resourceId: string, scope?: Scope): Tag[]
  /** The tags of many resources in one reading; one without tags is left out. */
  ofEach(resourceIds: readonly string[]): ReadonlyMap<string, Tag[]>
  put(scope: Scope, resourceId: string, resourceType: string, tags: readonly Tag[]): void
  remove(scope: Scope, resourceId: string, tags: readonly { key: string; value?: string }[]): void
  removeAll(resourceId: string): void
  /** Indexed are `key`, `value`, `resourceId` and `resourceType`. */
  page(scope: Scope, afterSequence: number, limit: number, among?: readonly Candidates[]): Sequenced<TaggedResource>[]
}

/** The private addresses that interfaces have, by subnet. They follow the records of the interfaces. */
export interface SubnetAddressIndex {
  count(subnetId: string): number
  has(subnetId: string, address: string): boolean
  list(subnetId: string): string[]
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

export interface Store {
  readonly instances: Collection<
    InstanceRecord,
    | 'state'
    | 'vpcId'
    | 'subnetId'
    | 'availabilityZone'
    | 'imageId'
    | 'instanceType'
    | 'keyName'
    | 'reservationId'
    | 'clientToken'
    | 'privateIp'
    | 'placement.groupId'
    | 'placement.groupName'
    | 'iamInstanceProfile.arn'
  >
  readonly volumes: Collection<
    VolumeRecord,
    'state' | 'attachment.instanceId' | 'snapshotId' | 'layerId' | 'availabilityZone' | 'encryptionKeyId'
  >
  readonly rootVolumeTasks: Collection<RootVolumeTaskRecord, 'instanceId' | 'volumeId'>
  readonly interfaces: Collection<
    InterfaceRecord,
    | 'vpcId'
    | 'subnetId'
    | 'attachment.instanceId'
    | 'attachment.id'
    | 'publicIp'
    | 'privateIp'
    | 'macAddress'
    | 'groupIds[]'
    | 'secondaryIps[].privateIp'
    | 'secondaryIps[].publicIp'
    | 'ipv6Addresses[]'
  >
  readonly subnetAddresses: SubnetAddressIndex
  readonly deregisteredImages: Collection<DeregisteredImageRecord>
  readonly images: Collection<ImageRecord, 'name' | 'blockDevices[].snapshotId' | 'sharing.region'>
  readonly lifecycleEnablements: Collection<LifecycleEnablement>
  readonly lifecycleRuns: Collection<LifecycleRunRecord>
  readonly subscriptions: Collection<SubscriptionRecord>
  readonly snapshots: Collection<
    SnapshotRecord,
    'layerId' | 'archiveLayerId' | 'volumeId' | 'sharing.region' | 'tiering.tier' | 'tiering.state'
  >
  readonly retentionRules: Collection<RetentionRuleRecord>
  readonly recycledImages: Collection<RecycledRecord<ImageRecord>>
  readonly recycledSnapshots: Collection<RecycledRecord<SnapshotRecord>, 'resource.layerId' | 'resource.archiveLayerId'>
  readonly layers: Collection<
    LayerRecord,
    'state' | 'parentId' | 'flattening.state' | 'contentIds[]' | 'encryptionKeyId'
  >
  readonly keyPairs: Collection<KeyPairRecord, 'name' | 'fingerprint'>
  readonly vpcs: Collection<VpcRecord, 'cidr' | 'dhcpOptionsId'>
  readonly peerings: Collection<PeeringRecord, 'requester.vpcId' | 'accepter.vpcId' | 'accepterScope'>
  readonly cidrReservations: Collection<CidrReservationRecord, 'subnetId'>
  readonly subnets: Collection<SubnetRecord, 'vpcId' | 'availabilityZone' | 'cidr'>
  readonly internetGateways: Collection<InternetGatewayRecord, 'vpcId'>
  readonly routeTables: Collection<
    RouteTableRecord,
    'vpcId' | 'associations[].id' | 'associations[].subnetId' | 'routes[].destination'
  >
  readonly egressOnlyGateways: Collection<EgressOnlyGatewayRecord, 'vpcId'>
  readonly natGateways: Collection<NatGatewayRecord, 'vpcId' | 'subnetId' | 'state'>
  readonly connectEndpoints: Collection<ConnectEndpointRecord, 'vpcId' | 'subnetId' | 'state'>
  readonly dhcpOptions: Collection<DhcpOptionsRecord>
  readonly dnsZones: Collection<DnsZoneRecord, 'vpcIds[]'>
  readonly dnsRecords: Collection<DnsRecord, 'zoneId'>
  readonly addresses: Collection<AddressRecord, 'publicIp' | 'association.id' | 'association.interfaceId'>
  readonly securityGroups: Collection<
    SecurityGroupRecord,
    'vpcId' | 'name' | 'rules[].id' | 'rules[].peerGroupId' | 'rules[].prefixListId'
  >
  readonly prefixLists: Collection<PrefixListRecord, 'name'>
  readonly prefixListVersions: Collection<PrefixListVersionRecord, 'prefixListId'>
  readonly networkAcls: Collection<NetworkAclRecord, 'vpcId'>
  readonly insightsPaths: Collection<InsightsPathRecord>
  readonly insightsAnalyses: Collection<InsightsAnalysisRecord, 'pathId'>
  readonly flowLogs: Collection<FlowLogRecord, 'vpcId' | 'resourceId'>
  readonly tasks: Collection<TaskRecord, 'state'>
  readonly transfers: Collection<TransferRecord, 'kind' | 'state' | 'imageId'>
  readonly schedules: Collection<ScheduleRecord>
  readonly timers: Collection<TimerRecord>
  readonly pipelines: Collection<PipelineRecord>
  readonly pipelineBuilds: Collection<PipelineBuildRecord, 'pipeline' | 'state'>
  readonly fastLaunches: Collection<FastLaunchRecord>
  readonly warmTemplates: Collection<WarmTemplateRecord, 'state' | 'imageId' | 'networkId' | 'warm.layerId'>
  readonly faults: Collection<FaultRecord>
  readonly fleets: Collection<FleetRecord>
  readonly spotRequests: Collection<SpotRequestRecord, 'instanceId'>
  readonly launchTemplates: Collection<LaunchTemplateRecord, 'name'>
  readonly launchTemplateVersions: Collection<LaunchTemplateVersionRecord, 'templateId'>
  readonly placementGroups: Collection<PlacementGroupRecord, 'name'>
  readonly profileAssociations: Collection<ProfileAssociationRecord, 'instanceId'>
  readonly eventWindows: Collection<EventWindowRecord, 'instanceIds[]'>
  readonly tags: TagStore
  readonly events: {
    append(event: Omit<EventRecord, 'number'>): EventRecord
    /** Those that an account is told, in their order. */
    after(accountId: string, number: number, limit: number): EventRecord[]
  }
  readonly clientTokens: {
    get(scope: Scope, operation: string, token: string): ClientTokenRecord | undefined
    put(record: ClientTokenRecord): void
    removeBefore(time: string): void
  }
  readonly accessKeys: {
    find(id: string): AccessKeyRecord | undefined
    /** Everyone's, the oldest first. */
    list(): AccessKeyRecord[]
    /** Of a key that is there already, what may change is changed. */
    put(key: AccessKeyRecord): void
    remove(id: string): void
  }
  readonly audit: {
    append(record: Omit<AuditRecord, 'number'>): void
    /** The oldest first. */
    after(query: AuditQuery): AuditRecord[]
  }
  /** Small facts about this state directory, such as its block of public addresses. */
  readonly settings: { get(name: string): string | undefined; put(name: string, value: string): void }
  /**
   * Runs `work` in one transaction; it is on disk for good when this returns. A throw takes everything back.
   * Nested calls join the outer transaction.
   */
  transaction<R>(work: () => R): R
  /**
   * Keeps room on the disk for what must be recorded when it is full; takes some tens of milliseconds. Answers false when the disk is full
   * already.
   */
  reserveSpace(): boolean
  close(): void
}
