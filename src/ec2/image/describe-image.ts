import type { Image } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { describeProductCodes } from '../marketplace/product-code.ts'
import { describeEncryption } from '../encryption/encryption.ts'
import type { CallContext } from '../operation.ts'
import { describeTags } from '../tag/tag.ts'
import type { ImageAllowance } from './allowed-images.ts'
import { describeProtection } from './deregistration-protection.ts'
import { ownerAliasOf } from './image-category.ts'
import { deprecationTimeOf } from './image-deprecation.ts'
import type { ImageRecord } from './image.ts'

/** An image as its viewer sees it: tags and the last launch are the owner's own business. */
export function describeImage(
  domain: Pick<Domain, 'store' | 'marketplace'>,
  context: CallContext,
  allowance: ImageAllowance,
  image: ImageRecord,
): Image {
  const isOwn = image.accountId === context.accountId
  return {
    ImageId: image.id,
    Name: image.name,
    Description: image.description,
    ImageLocation: image.imageLocation,
    OwnerId: image.accountId,
    ImageOwnerAlias: ownerAliasOf(domain, image),
    State: image.state,
    StateReason: image.stateReason && { Code: image.stateReason.code, Message: image.stateReason.message },
    Public: image.sharing?.isPublic ?? false,
    Architecture: image.architecture,
    ImageType: 'machine',
    CreationDate: image.creationDate,
    DeprecationTime: deprecationTimeOf(image),
    LastLaunchedTime: isOwn ? image.lastLaunchedTime : undefined,
    SourceInstanceId: image.sourceInstanceId,
    SourceImageId: image.sourceImageId,
    SourceImageRegion: image.sourceImageRegion,
    ImageAllowed: allowance.isAllowed(image),
    FreeTierEligible: false,
    RootDeviceName: image.rootDeviceName,
    RootDeviceType: 'ebs',
    BlockDeviceMappings: image.blockDevices.map((device) => ({
      DeviceName: device.deviceName,
      Ebs: {
        SnapshotId: device.snapshotId,
        VolumeSize: device.volumeSizeGib,
        VolumeType: device.volumeType as 'gp3',
        ...(device.iops === undefined ? {} : { Iops: device.iops }),
        ...(device.throughputMibps === undefined ? {} : { Throughput: device.throughputMibps }),
        DeleteOnTermination: device.deleteOnTermination,
        ...describeEncryption(domain.store.snapshots.find(device.snapshotId) ?? {}),
      },
    })),
    VirtualizationType: 'hvm',
    Hypervisor: 'xen',
    EnaSupport: image.enaSupport,
    SriovNetSupport: 'simple',
    BootMode: image.bootMode,
    TpmSupport: image.tpmSupport,
    ImdsSupport: image.imdsSupport,
    PlatformDetails: 'Linux/UNIX',
    UsageOperation: 'RunInstances',
    ProductCodes: describeProductCodes(image.productCodes),
    DeregistrationProtection: describeProtection(image),
    Tags: isOwn ? describeTags(domain.store.tags.of(image.id)) : [],
  }
}
