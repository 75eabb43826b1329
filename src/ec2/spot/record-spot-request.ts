import type { LaunchSpecification } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { describeEncryption } from '../encryption/encryption.ts'
import { newId } from '../ids.ts'
import type { InstanceRecord } from '../instance/instance.ts'
import type { MutationContext } from '../operation.ts'
import type { Store, Tag } from '../ports/store.ts'
import { putTags } from '../tag/tag.ts'
import type { SpotTerms } from './spot-request.ts'

/** A free id: those of spot requests are short. */
export function newSpotRequestId({ store, random }: Domain): string {
  let id: string
  do id = newId('sir', random)
  while (store.spotRequests.find(id))
  return id
}

/** Writes down the spot request that an instance, recorded with its volumes and interfaces, fulfils. */
export function recordSpotRequest(
  { store }: Domain,
  context: MutationContext,
  terms: SpotTerms,
  instance: InstanceRecord,
  requestId: string,
  tags: readonly Tag[],
): void {
  const { accountId, region } = context
  store.spotRequests.insert({
    accountId,
    region,
    id: requestId,
    ...terms,
    createTime: context.now.toISOString(),
    instanceId: instance.id,
    availabilityZone: instance.availabilityZone,
    launchSpecification: specificationOf(store, instance),
  })
  putTags(store, context, requestId, 'spot-instances-request', tags)
}

function specificationOf(store: Store, instance: InstanceRecord): LaunchSpecification {
  const interfaces = store.interfaces.listBy('attachment.instanceId', instance.id)
  const { iamInstanceProfile, keyName, placement } = instance
  return {
    ImageId: instance.imageId,
    InstanceType: instance.instanceType as NonNullable<LaunchSpecification['InstanceType']>,
    ...(keyName === undefined ? {} : { KeyName: keyName }),
    Placement: {
      AvailabilityZone: instance.availabilityZone,
      ...(placement ? { GroupName: placement.groupName } : {}),
      Tenancy: instance.tenancy ?? 'default',
    },
    SubnetId: instance.subnetId,
    SecurityGroups: (interfaces[0]?.groupIds ?? []).map((id) => ({
      GroupId: id,
      GroupName: store.securityGroups.find(id)?.name,
    })),
    EbsOptimized: instance.isEbsOptimized,
    Monitoring: { Enabled: instance.isMonitored },
    ...(iamInstanceProfile
      ? { IamInstanceProfile: { Arn: iamInstanceProfile.arn, Name: iamInstanceProfile.name } }
      : {}),
    BlockDeviceMappings: store.volumes.listBy('attachment.instanceId', instance.id).map((volume) => ({
      DeviceName: volume.attachment?.deviceName,
      Ebs: {
        DeleteOnTermination: volume.attachment?.deleteOnTermination,
        ...(volume.snapshotId === undefined ? {} : { SnapshotId: volume.snapshotId }),
        VolumeSize: volume.sizeGib,
        VolumeType: volume.volumeType as 'gp3',
        ...describeEncryption(volume),
        ...(volume.iops === undefined ? {} : { Iops: volume.iops }),
        ...(volume.throughputMibps === undefined ? {} : { Throughput: volume.throughputMibps }),
      },
    })),
    NetworkInterfaces: interfaces.map((record) => ({
      NetworkInterfaceId: record.id,
      DeviceIndex: record.attachment?.deviceIndex,
      DeleteOnTermination: record.attachment?.deleteOnTermination,
      Description: record.description,
      Groups: [...record.groupIds],
      SubnetId: record.subnetId,
      PrivateIpAddress: record.privateIp,
    })),
  }
}
