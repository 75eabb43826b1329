import type { Image, Instance, KeyPairInfo, SecurityGroup } from '@aws-sdk/client-ec2'
import type { Jsonified, OperationCaller } from '../api/contract.ts'
import type { DnsRecordDescription, DnsZoneDescription } from '../api/kiln/dns.ts'
import type { WarmImageDescription } from '../api/kiln/fast-launch.ts'
import type { FaultDescription } from '../api/kiln/fault.ts'
import type { PipelineDescription } from '../api/kiln/pipeline.ts'
import type { ScheduleDescription } from '../api/kiln/schedule.ts'
import { labTag } from './lab.ts'
import { type ObservedNetwork, observeNetwork } from './observed-network.ts'

export type ImageRecord = Jsonified<Image>
export type KeyPairRecord = Jsonified<KeyPairInfo>
export type GroupRecord = Jsonified<SecurityGroup>
export type InstanceRecord = Jsonified<Instance>

/** What the daemon has of a lab, and what stands in its way. */
export interface Observed {
  /** Every image of the region: labs share them. */
  readonly images: readonly ImageRecord[]
  /** Those of the caller's images whose launches go on from warm templates, or shall. */
  readonly warmImages: readonly WarmImageDescription[]
  /** Every key pair of the region, so that a name that is taken is seen. */
  readonly keyPairs: readonly KeyPairRecord[]
  /** Every security group of the lab's own VPC, of the default one when it has none. */
  readonly securityGroups: readonly GroupRecord[]
  /** The lab's instances that are not terminated. */
  readonly instances: readonly ObservedInstance[]
  readonly network: ObservedNetwork
  readonly schedules: readonly ScheduleDescription[]
  /** Those of the lab that last. */
  readonly faults: readonly FaultDescription[]
  /** Those that the lab has made. */
  readonly zones: readonly ObservedZone[]
  /** Those that the lab has put. */
  readonly pipelines: readonly PipelineDescription[]
}

/** A private zone with its records. */
export interface ObservedZone extends DnsZoneDescription {
  readonly Records: readonly DnsRecordDescription[]
}

export interface ObservedInstance {
  readonly record: InstanceRecord
  /** `instances.web[0]` */
  readonly address: string
  /** Base64. */
  readonly userData?: string
  /** Of the root volume, in GiB. */
  readonly disk?: number
  readonly disableApiTermination: boolean
  readonly disableApiStop: boolean
}

/** The value of a tag. */
export function tagOf(
  resource: { Tags?: { Key?: string | undefined; Value?: string | undefined }[] | undefined },
  key: string,
): string | undefined {
  return resource.Tags?.find((tag) => tag.Key === key)?.Value
}

/** Asks the daemon for everything that a plan depends on. */
export async function observeLab(call: OperationCaller, lab: string): Promise<Observed> {
  const network = await observeNetwork(call, lab)
  const [images, warm, keyPairs, groups, records, schedules, pipelines, faults, zones, disks] = await Promise.all([
    call('DescribeImages', {}),
    call('KilnDescribeTemplates', {}),
    call('DescribeKeyPairs', { IncludePublicKey: true }),
    listGroups(call, network.vpc?.VpcId),
    listLabInstances(call, lab),
    call('KilnDescribeSchedules', {}),
    call('KilnDescribePipelines', {}),
    call('KilnDescribeFaults', {}),
    listZones(call, lab),
    readDisks(call),
  ])
  const live = records.filter((record) => record.State?.Name !== 'terminated')
  return {
    images: images.Images ?? [],
    warmImages: warm.Images,
    keyPairs: keyPairs.KeyPairs ?? [],
    network,
    securityGroups: groups,
    instances: await Promise.all(live.map((record) => observeInstance(call, record, disks))),
    schedules: schedules.Schedules.filter(({ Name: name }) => name.startsWith(`${lab}/`)),
    faults: faults.Faults.filter(({ Name: name = '' }) => name.startsWith(`${lab}/`)),
    zones,
    pipelines: pipelines.Pipelines.filter(({ Source: source }) => source === `lab ${lab}`),
  }
}

/** The instances that carry the lab's tag, terminated ones too. */
export async function listLabInstances(call: OperationCaller, lab: string): Promise<InstanceRecord[]> {
  const found: InstanceRecord[] = []
  let token: string | undefined
  do {
    const answer = await call('DescribeInstances', {
      Filters: [{ Name: `tag:${labTag.lab}`, Values: [lab] }],
      ...(token ? { NextToken: token } : {}),
    })
    for (const reservation of answer.Reservations ?? []) found.push(...(reservation.Instances ?? []))
    token = answer.NextToken
  } while (token)
  return found
}

async function listZones(call: OperationCaller, lab: string): Promise<ObservedZone[]> {
  const { Zones: zones } = await call('KilnDescribeDnsZones', {})
  return await Promise.all(
    zones
      .filter(({ Source: source }) => source === `lab ${lab}`)
      .map(async (zone) => ({ ...zone, ...(await call('KilnDescribeDnsRecords', { ZoneId: zone.ZoneId })) })),
  )
}

async function listGroups(call: OperationCaller, ownVpcId: string | undefined): Promise<GroupRecord[]> {
  const { Vpcs: vpcs } = await call('DescribeVpcs', { Filters: [{ Name: 'is-default', Values: ['true'] }] })
  const vpcId = ownVpcId ?? vpcs?.[0]?.VpcId
  if (!vpcId) return []
  const found: GroupRecord[] = []
  let token: string | undefined
  do {
    const answer = await call('DescribeSecurityGroups', {
      Filters: [{ Name: 'vpc-id', Values: [vpcId] }],
      ...(token ? { NextToken: token } : {}),
    })
    found.push(...(answer.SecurityGroups ?? []))
    token = answer.NextToken
  } while (token)
  return found
}

/** Sizes of the volumes in GiB, by instance and device. All are asked for: one that ends meanwhile is no error then. */
async function readDisks(call: OperationCaller): Promise<ReadonlyMap<string, number>> {
  const sizes = new Map<string, number>()
  let token: string | undefined
  do {
    const answer = await call('DescribeVolumes', token ? { NextToken: token } : {})
    for (const { Attachments: attachments, Size: size = 0 } of answer.Volumes ?? []) {
      for (const { InstanceId: id, Device: device } of attachments ?? []) sizes.set(`${id} ${device}`, size)
    }
    token = answer.NextToken
  } while (token)
  return sizes
}

async function observeInstance(
  call: OperationCaller,
  record: InstanceRecord,
  disks: ReadonlyMap<string, number>,
): Promise<ObservedInstance> {
  const InstanceId = record.InstanceId ?? ''
  const [userData, termination, stop] = await Promise.all([
    call('DescribeInstanceAttribute', { InstanceId, Attribute: 'userData' }),
    call('DescribeInstanceAttribute', { InstanceId, Attribute: 'disableApiTermination' }),
    call('DescribeInstanceAttribute', { InstanceId, Attribute: 'disableApiStop' }),
  ])
  const disk = disks.get(`${InstanceId} ${record.RootDeviceName}`)
  return {
    record,
    address: tagOf(record, labTag.resource) ?? InstanceId,
    ...(userData.UserData?.Value ? { userData: userData.UserData.Value } : {}),
    ...(disk === undefined ? {} : { disk }),
    disableApiTermination: termination.DisableApiTermination?.Value ?? false,
    disableApiStop: stop.DisableApiStop?.Value ?? false,
  }
}
