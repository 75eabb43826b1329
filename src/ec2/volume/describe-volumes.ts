import type { Domain } from '../domain.ts'
import { applyFilters } from '../filter.ts'
import { findAll } from '../ids.ts'
import type { Ec2Query } from '../operation.ts'
import { refusePagingWithIds, takePage } from '../page.ts'
import { describeTags } from '../tag/tag.ts'

export function describeVolumes({ store }: Domain): Ec2Query<'DescribeVolumes'> {
  return {
    kind: 'query',
    parameters: ['VolumeIds', 'Filters', 'MaxResults', 'NextToken'],
    answer: (context, input) => {
      refusePagingWithIds('volumeIds', input.VolumeIds, input)
      const known = input.VolumeIds?.length
        ? findAll('vol', input.VolumeIds, (id) => store.volumes.get(context, id))
        : store.volumes.list(context)
      const matching = applyFilters(
        known,
        input.Filters,
        {
          'attachment.attach-time': ({ attachment }) => attachment?.attachTime,
          'attachment.delete-on-termination': ({ attachment }) => attachment?.deleteOnTermination,
          'attachment.device': ({ attachment }) => attachment?.deviceName,
          'attachment.instance-id': ({ attachment }) => attachment?.instanceId,
          'attachment.status': ({ attachment }) => attachment?.state,
          'availability-zone': ({ availabilityZone }) => availabilityZone,
          'create-time': ({ createTime }) => createTime,
          encrypted: () => false,
          'multi-attach-enabled': () => false,
          size: ({ sizeGib }) => sizeGib,
          'snapshot-id': ({ snapshotId }) => snapshotId,
          status: ({ state }) => state,
          'volume-id': ({ id }) => id,
          'volume-type': ({ volumeType }) => volumeType,
        },
        ({ id }) => store.tags.of(id),
      )
      const page = takePage(matching, input, ({ id }) => id)
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
        ...(page.NextToken ? { NextToken: page.NextToken } : {}),
      }
    },
  }
}
