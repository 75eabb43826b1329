import type { Image } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { type DescribeSource, selectRecords } from '../describe.ts'
import { defineFilters } from '../filter.ts'
import type { Ec2Query } from '../operation.ts'
import type { Store } from '../ports/store.ts'
import { describeTags } from '../tag/tag.ts'
import type { ImageRecord } from './image.ts'

export function describeImages(domain: Domain): Ec2Query<'DescribeImages'> {
  const { store } = domain
  const snapshotsOf = ({ blockDevices }: ImageRecord) => blockDevices.map(({ snapshotId }) => snapshotId)
  const source: DescribeSource<ImageRecord> = {
    collection: store.images,
    prefix: 'ami',
    idParameter: 'imageIds',
    limits: { minimum: 1, maximum: 1000 },
    filters: defineFilters(
      {
        architecture: ({ architecture }) => architecture,
        'block-device-mapping.delete-on-termination': ({ blockDevices }) =>
          blockDevices.map((d) => d.deleteOnTermination),
        'block-device-mapping.device-name': ({ blockDevices }) => blockDevices.map((d) => d.deviceName),
        'block-device-mapping.encrypted': () => false,
        'block-device-mapping.snapshot-id': { read: snapshotsOf, index: 'blockDevices[].snapshotId' },
        'block-device-mapping.volume-size': ({ blockDevices }) => blockDevices.map((d) => d.volumeSizeGib),
        'block-device-mapping.volume-type': ({ blockDevices }) => blockDevices.map((d) => d.volumeType),
        'boot-mode': ({ bootMode }) => bootMode,
        'creation-date': ({ creationDate }) => creationDate,
        description: ({ description }) => description,
        'ena-support': ({ enaSupport }) => enaSupport,
        'free-tier-eligible': () => false,
        hypervisor: () => 'xen',
        'image-id': { read: ({ id }) => id, index: 'id' },
        'image-type': () => 'machine',
        'imds-support': ({ imdsSupport }) => imdsSupport,
        'is-public': () => false,
        'kernel-id': () => undefined,
        'manifest-location': ({ imageLocation }) => imageLocation,
        name: { read: ({ name }) => name, index: 'name' },
        'owner-alias': () => undefined,
        'owner-id': ({ accountId }) => accountId,
        platform: () => undefined,
        'platform-details': () => 'Linux/UNIX',
        'product-code': () => undefined,
        'product-code.type': () => undefined,
        'ramdisk-id': () => undefined,
        'root-device-name': ({ rootDeviceName }) => rootDeviceName,
        'root-device-type': () => 'ebs',
        'source-image-id': ({ sourceImageId }) => sourceImageId,
        'source-image-region': ({ sourceImageRegion }) => sourceImageRegion,
        'source-instance-id': ({ sourceInstanceId }) => sourceInstanceId,
        'sriov-net-support': () => 'simple',
        'state-reason-code': ({ stateReason }) => stateReason?.code,
        'state-reason-message': ({ stateReason }) => stateReason?.message,
        state: ({ state }) => state,
        'tpm-support': () => undefined,
        'usage-operation': () => 'RunInstances',
        'virtualization-type': () => 'hvm',
      },
      ({ id }) => store.tags.of(id),
    ),
  }
  return {
    kind: 'query',
    parameters: [
      'ImageIds',
      'Filters',
      'Owners',
      'ExecutableUsers',
      'IncludeDeprecated',
      'IncludeDisabled',
      'MaxResults',
      'NextToken',
    ],
    filters: source.filters.names,
    answer: (context, input) => {
      const page = selectRecords(source, context, {
        ...input,
        ids: input.ImageIds,
        where: (image) =>
          image.state !== 'deregistered' &&
          isOwnedBy(image, context.accountId, input.Owners) &&
          isLaunchableBy(image, context.accountId, input.ExecutableUsers),
      })
      return {
        Images: page.records.map((image) => describeImage(store, image)),
        ...page.token,
      }
    },
  }
}

function isOwnedBy(image: ImageRecord, accountId: string, owners: readonly string[] | undefined): boolean {
  if (!owners || owners.length === 0) return true
  return owners.some((owner) => owner === image.accountId || (owner === 'self' && image.accountId === accountId))
}

/** Images belong to one account as yet: `self` may launch its own. */
function isLaunchableBy(image: ImageRecord, accountId: string, users: readonly string[] | undefined): boolean {
  if (!users || users.length === 0) return true
  return users.includes(accountId) || (users.includes('self') && image.accountId === accountId)
}

function describeImage(store: Store, image: ImageRecord): Image {
  return {
    ImageId: image.id,
    Name: image.name,
    Description: image.description,
    ImageLocation: image.imageLocation,
    OwnerId: image.accountId,
    State: image.state,
    ...(image.stateReason ? { StateReason: { Code: image.stateReason.code, Message: image.stateReason.message } } : {}),
    SourceInstanceId: image.sourceInstanceId,
    SourceImageId: image.sourceImageId,
    SourceImageRegion: image.sourceImageRegion,
    Public: false,
    Architecture: image.architecture,
    ImageType: 'machine',
    CreationDate: image.creationDate,
    RootDeviceName: image.rootDeviceName,
    RootDeviceType: 'ebs',
    BlockDeviceMappings: image.blockDevices.map((device) => ({
      DeviceName: device.deviceName,
      Ebs: {
        SnapshotId: device.snapshotId,
        VolumeSize: device.volumeSizeGib,
        VolumeType: device.volumeType as 'gp3',
        DeleteOnTermination: device.deleteOnTermination,
        Encrypted: false,
      },
    })),
    VirtualizationType: 'hvm',
    Hypervisor: 'xen',
    EnaSupport: image.enaSupport,
    SriovNetSupport: 'simple',
    BootMode: image.bootMode,
    ImdsSupport: image.imdsSupport,
    PlatformDetails: 'Linux/UNIX',
    UsageOperation: 'RunInstances',
    DeregistrationProtection: 'disabled',
    Tags: describeTags(store.tags.of(image.id)),
  }
}
