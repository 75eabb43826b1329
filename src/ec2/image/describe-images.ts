import type { Image } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { applyFilters } from '../filter.ts'
import { findAll } from '../ids.ts'
import type { Ec2Query } from '../operation.ts'
import { takePage } from '../page.ts'
import type { Store } from '../ports/store.ts'
import { describeTags } from '../tag/tag.ts'
import type { ImageRecord } from './image.ts'

export function describeImages(domain: Domain): Ec2Query<'DescribeImages'> {
  const { store } = domain
  const snapshotsOf = ({ blockDevices }: ImageRecord) => blockDevices.map(({ snapshotId }) => snapshotId)
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
    answer: (context, input) => {
      const available = (image: ImageRecord | undefined) => (image?.state === 'available' ? image : undefined)
      const known = input.ImageIds?.length
        ? findAll('ami', input.ImageIds, (id) => available(store.images.get(context, id)))
        : store.images.list(context).filter(available)
      const owned = known.filter((image) => isOwnedBy(image, context.accountId, input.Owners))
      const launchable = owned.filter((image) => isLaunchableBy(image, context.accountId, input.ExecutableUsers))
      const matching = applyFilters(
        launchable,
        input.Filters,
        {
          architecture: ({ architecture }) => architecture,
          'block-device-mapping.delete-on-termination': ({ blockDevices }) =>
            blockDevices.map((d) => d.deleteOnTermination),
          'block-device-mapping.device-name': ({ blockDevices }) => blockDevices.map((d) => d.deviceName),
          'block-device-mapping.encrypted': () => false,
          'block-device-mapping.snapshot-id': snapshotsOf,
          'block-device-mapping.volume-size': ({ blockDevices }) => blockDevices.map((d) => d.volumeSizeGib),
          'block-device-mapping.volume-type': ({ blockDevices }) => blockDevices.map((d) => d.volumeType),
          'creation-date': ({ creationDate }) => creationDate,
          description: ({ description }) => description,
          'ena-support': ({ enaSupport }) => enaSupport,
          hypervisor: () => 'xen',
          'image-id': ({ id }) => id,
          'image-type': () => 'machine',
          'is-public': () => false,
          'manifest-location': ({ imageLocation }) => imageLocation,
          name: ({ name }) => name,
          'owner-alias': () => undefined,
          'owner-id': ({ accountId }) => accountId,
          platform: () => undefined,
          'root-device-name': ({ rootDeviceName }) => rootDeviceName,
          'root-device-type': () => 'ebs',
          state: ({ state }) => state,
          'virtualization-type': () => 'hvm',
        },
        ({ id }) => store.tags.of(id),
      )
      const page = takePage(matching, input, ({ id }) => id, { minimum: 1, maximum: 1000 })
      return {
        Images: page.records.map((image) => describeImage(store, image)),
        ...(page.NextToken ? { NextToken: page.NextToken } : {}),
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
    State: 'available',
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
    Tags: describeTags(store.tags.of(image.id)),
  }
}
