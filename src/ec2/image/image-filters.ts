import type { Domain } from '../domain.ts'
import { defineFilters, type FilterSet } from '../filter.ts'
import { productCodeTypesOf } from '../marketplace/product-code.ts'
import type { Scope } from '../ports/store.ts'
import type { ImageAllowance } from './allowed-images.ts'
import { ownerAliasOf } from './image-category.ts'
import type { ImageRecord } from './image.ts'

/** The filters of DescribeImages; tags are those that the caller has given, to images of its own. */
export function imageFilters(
  views: Pick<Domain, 'store' | 'marketplace'>,
  { accountId }: Pick<Scope, 'accountId'>,
  allowance?: ImageAllowance,
): FilterSet<ImageRecord> {
  const { store } = views
  return defineFilters(
    {
      architecture: ({ architecture }) => architecture,
      'block-device-mapping.delete-on-termination': ({ blockDevices }) =>
        blockDevices.map((d) => d.deleteOnTermination),
      'block-device-mapping.device-name': ({ blockDevices }) => blockDevices.map((d) => d.deviceName),
      'block-device-mapping.encrypted': ({ blockDevices }) =>
        blockDevices.map((d) => store.snapshots.find(d.snapshotId)?.encryptionKeyId !== undefined),
      'block-device-mapping.snapshot-id': {
        read: ({ blockDevices }) => blockDevices.map((d) => d.snapshotId),
        index: 'blockDevices[].snapshotId',
      },
      'block-device-mapping.volume-size': ({ blockDevices }) => blockDevices.map((d) => d.volumeSizeGib),
      'block-device-mapping.volume-type': ({ blockDevices }) => blockDevices.map((d) => d.volumeType),
      'boot-mode': ({ bootMode }) => bootMode,
      'creation-date': ({ creationDate }) => creationDate,
      description: ({ description }) => description,
      'ena-support': ({ enaSupport }) => enaSupport,
      'free-tier-eligible': () => false,
      hypervisor: () => 'xen',
      'image-allowed': (image) => allowance?.isAllowed(image),
      'image-id': { read: ({ id }) => id, index: 'id' },
      'image-type': () => 'machine',
      'imds-support': ({ imdsSupport }) => imdsSupport,
      'is-public': ({ sharing }) => sharing?.isPublic ?? false,
      'kernel-id': () => undefined,
      'manifest-location': ({ imageLocation }) => imageLocation,
      name: { read: ({ name }) => name, index: 'name' },
      'owner-alias': (image) => ownerAliasOf(views, image),
      'owner-id': ({ accountId: owner }) => owner,
      platform: () => undefined,
      'platform-details': () => 'Linux/UNIX',
      'product-code': ({ productCodes }) => productCodes ?? [],
      'product-code.type': ({ productCodes }) => productCodeTypesOf(productCodes),
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
      'tpm-support': ({ tpmSupport }) => tpmSupport,
      'usage-operation': () => 'RunInstances',
      'virtualization-type': () => 'hvm',
    },
    (image) => (image.accountId === accountId ? store.tags.of(image.id) : []),
  )
}
