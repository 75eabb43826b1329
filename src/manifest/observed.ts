import type { Image, Instance, KeyPairInfo, SecurityGroup } from '@aws-sdk/client-ec2'
import type { Jsonified, OperationCaller } from '../api/contract.ts'
import type { PipelineDescription } from '../api/kiln/pipeline.ts'
import type { ScheduleDescription } from '../api/kiln/schedule.ts'
import { labTag } from './lab.ts'

export type ImageRecord = Jsonified<Image>
export type KeyPairRecord = Jsonified<KeyPairInfo>
export type GroupRecord = Jsonified<SecurityGroup>
export type InstanceRecord = Jsonified<Instance>

/** What the daemon has of a lab, and what stands in its way. */
export interface Observed {
  /** Every image of the region: labs share them. */
  readonly images: readonly ImageRecord[]
  /** Every key pair of the region, so that a name that is taken is seen. */
  readonly keyPairs: readonly KeyPairRecord[]
  /** Every security group of the default VPC. */
  readonly securityGroups: readonly GroupRecord[]
  /** The lab's instances that are not terminated. */
  readonly instances: readonly ObservedInstance[]
  readonly schedules: readonly ScheduleDescription[]
  /** Those that the lab has put. */
  readonly pipelines: readonly PipelineDescription[]
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
  const [images, keyPairs, groups, records, schedules, pipelines, disks] = await Promise.all([
    call('DescribeImages', {}),
    call('DescribeKeyPairs', { IncludePublicKey: true }),
    listGroups(call),
    listLabInstances(call, lab),
    call('KilnDescribeSchedules', {}),
    call('KilnDescribePipelines', {}),
    readDisks(call),
  ])
  const live = records.filter((record) => record.State?.Name !== 'terminated')
  return {
    images: images.Images ?? [],
    keyPairs: keyPairs.KeyPairs ?? [],
    securityGroups: groups,
    instances: await Promise.all(live.map((record) => observeInstance(call, record, disks))),
    schedules: schedules.Schedules.filter(({ Name: name }) => name.startsWith(`${lab}/`)),
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

async function listGroups(call: OperationCaller): Promise<GroupRecord[]> {
  const { Vpcs: vpcs } = await call('DescribeVpcs', { Filters: [{ Name: 'is-default', Values: ['true'] }] })
  const vpcId = vpcs?.[0]?.VpcId
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
