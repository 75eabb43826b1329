import type { Domain } from '../domain.ts'
import { type DescribeSource, selectRecords } from '../describe.ts'
import { defineFilters } from '../filter.ts'
import type { Ec2Query } from '../operation.ts'
import { describeTags } from '../tag/tag.ts'
import type { VolumeRecord } from './volume.ts'

export function describeVolumes({ store }: Domain): Ec2Query<'DescribeVolumes'> {
  const source: DescribeSource<VolumeRecord> = {
    collection: store.volumes,
    prefix: 'vol',
    idParameter: 'volumeIds',
    filters: defineFilters(
      {
        'attachment.attach-time': ({ attachment }) => attachment?.attachTime,
        'attachment.delete-on-termination': ({ attachment }) => attachment?.deleteOnTermination,
        'attachment.device': ({ attachment }) => attachment?.deviceName,
        'attachment.instance-id': { read: ({ attachment }) => attachment?.instanceId, index: 'attachment.instanceId' },
        'attachment.status': ({ attachment }) => attachment?.state,
        'availability-zone': { read: ({ availabilityZone }) => availabilityZone, index: 'availabilityZone' },
        'create-time': ({ createTime }) => createTime,
        encrypted: () => false,
        'multi-attach-enabled': () => false,
        size: ({ sizeGib }) => sizeGib,
        'snapshot-id': { read: ({ snapshotId }) => snapshotId, index: 'snapshotId' },
        status: { read: ({ state }) => state, index: 'state' },
        'volume-id': { read: ({ id }) => id, index: 'id' },
        'volume-type': ({ volumeType }) => volumeType,
      },
      ({ id }) => store.tags.of(id),
    ),
  }
  return {
    kind: 'query',
    parameters: ['VolumeIds', 'Filters', 'MaxResults', 'NextToken'],
    filters: source.filters.names,
    answer: (context, input) => {
      const page = selectRecords(source, context, { ...input, ids: input.VolumeIds })
      return {
        Volumes: page.records.map((volume) => ({
          VolumeId: volume.id,
          Size: volume.sizeGib,
          SnapshotId: volume.snapshotId ?? '',
          AvailabilityZone: volume.availabilityZone,
          State: volume.state,
          CreateTime: new Date(volume.createTime),
          VolumeType: volume.volumeType as 'gp3',
          Iops: volume.iops,
          Throughput: volume.throughputMibps,
          Encrypted: false,
          MultiAttachEnabled: false,
          Attachments: volume.attachment
            ? [
                {
                  VolumeId: volume.id,
                  InstanceId: volume.attachment.instanceId,
                  Device: volume.attachment.deviceName,
                  State: volume.attachment.state,
                  AttachTime: new Date(volume.attachment.attachTime),
                  DeleteOnTermination: volume.attachment.deleteOnTermination,
                },
              ]
            : [],
          Tags: describeTags(store.tags.of(volume.id)),
        })),
        ...page.token,
      }
    },
  }
}
