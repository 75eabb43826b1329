import type { Volume, VolumeAttachment as AttachmentDescription } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { describeEncryption } from '../encryption/encryption.ts'
import { describeTags } from '../tag/tag.ts'
import type { VolumeRecord } from './volume.ts'
import { iopsOf } from './volume-limits.ts'

/** A volume in EC2's shape. */
export function describeVolume({ store, regions }: Pick<Domain, 'store' | 'regions'>, volume: VolumeRecord): Volume {
  return {
    VolumeId: volume.id,
    Size: volume.sizeGib,
    SnapshotId: volume.snapshotId ?? '',
    AvailabilityZone: volume.availabilityZone,
    AvailabilityZoneId: zoneIdOf({ regions }, volume),
    State: volume.state,
    CreateTime: new Date(volume.createTime),
    VolumeType: volume.volumeType as 'gp3',
    Iops: iopsOf(volume),
    Throughput: volume.throughputMibps,
    ...describeEncryption(volume),
    MultiAttachEnabled: false,
    Operator: { Managed: false },
    Attachments: volume.attachment ? [describeAttachment(volume)] : [],
    Tags: describeTags(store.tags.of(volume.id)),
  }
}

/** The attachment of a volume in EC2's shape, in another state when that is told instead. */
export function describeAttachment(
  { id, attachment }: VolumeRecord,
  state: AttachmentDescription['State'] = attachment?.state,
): AttachmentDescription {
  return {
    VolumeId: id,
    InstanceId: attachment?.instanceId,
    Device: attachment?.deviceName,
    State: state,
    AttachTime: attachment && new Date(attachment.attachTime),
    DeleteOnTermination: attachment?.deleteOnTermination,
  }
}

/** `use1-az1`, of the zone that a volume is in. */
export function zoneIdOf({ regions }: Pick<Domain, 'regions'>, { region, availabilityZone }: VolumeRecord): string {
  return regions.get(region)?.zones.find(({ name }) => name === availabilityZone)?.id ?? ''
}
