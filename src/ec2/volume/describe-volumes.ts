import type { Domain } from '../domain.ts'
import { type DescribeSource, selectRecords } from '../describe.ts'
import { defineFilters } from '../filter.ts'
import type { Ec2Query } from '../operation.ts'
import { describeVolume, zoneIdOf } from './describe-volume.ts'
import type { VolumeRecord } from './volume.ts'

export function describeVolumes(domain: Domain): Ec2Query<'DescribeVolumes'> {
  const { store } = domain
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
        'availability-zone-id': (volume) => zoneIdOf(domain, volume),
        'create-time': ({ createTime }) => createTime,
        encrypted: ({ encryptionKeyId }) => encryptionKeyId !== undefined,
        'fast-restored': () => false,
        'multi-attach-enabled': () => false,
        'operator.managed': () => false,
        'operator.principal': () => undefined,
        size: ({ sizeGib }) => sizeGib,
        'snapshot-id': { read: ({ snapshotId }) => snapshotId, index: 'snapshotId' },
        'source-volume-id': () => undefined,
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
        Volumes: page.records.map((volume) => describeVolume(domain, volume)),
        ...page.token,
      }
    },
  }
}
