import type { VolumeModification as ModificationDescription } from '@aws-sdk/client-ec2'
import { type DescribeSource, selectRecords } from '../describe.ts'
import type { Domain } from '../domain.ts'
import { Ec2Error } from '../errors.ts'
import { defineFilters } from '../filter.ts'
import type { Ec2Query } from '../operation.ts'
import { iopsOf } from './volume-limits.ts'
import type { VolumeModification, VolumeRecord } from './volume.ts'

/** DescribeVolumesModifications: the latest change of each volume that has had one. */
export function describeVolumesModifications({ store }: Domain): Ec2Query<'DescribeVolumesModifications'> {
  const source: DescribeSource<VolumeRecord> = {
    collection: store.volumes,
    prefix: 'vol',
    idParameter: 'volumeIds',
    limits: { minimum: 1, maximum: 500 },
    filters: defineFilters({
      'modification-state': ({ modification }) => modification?.state,
      'original-iops': ({ modification }) => modification && iopsOf(modification.original),
      'original-size': ({ modification }) => modification?.original.sizeGib,
      'original-volume-type': ({ modification }) => modification?.original.volumeType,
      originalMultiAttachEnabled: () => false,
      'start-time': ({ modification }) => modification?.startTime,
      'target-iops': ({ modification }) => modification && iopsOf(modification.target),
      'target-size': ({ modification }) => modification?.target.sizeGib,
      'target-volume-type': ({ modification }) => modification?.target.volumeType,
      targetMultiAttachEnabled: () => false,
      'volume-id': { read: ({ id }) => id, index: 'id' },
    }),
  }
  return {
    kind: 'query',
    parameters: ['VolumeIds', 'Filters', 'MaxResults', 'NextToken'],
    filters: source.filters.names,
    answer: (context, input) => {
      const page = selectRecords(source, context, {
        ...input,
        ids: input.VolumeIds,
        where: ({ id, modification }) => {
          if (modification === undefined && input.VolumeIds?.includes(id)) {
            const message = `Modification for volume '${id}' does not exist.`
            throw new Ec2Error('InvalidVolumeModification.NotFound', message)
          }
          return modification !== undefined
        },
      })
      return {
        VolumesModifications: page.records.flatMap((volume) =>
          volume.modification ? [describeModification(volume, volume.modification)] : [],
        ),
        ...page.token,
      }
    },
  }
}

/** A modification in EC2's shape. */
export function describeModification(volume: VolumeRecord, modification: VolumeModification): ModificationDescription {
  const { state, original, target, startTime, endTime, statusMessage } = modification
  return {
    VolumeId: volume.id,
    ModificationState: state,
    StatusMessage: statusMessage,
    TargetSize: target.sizeGib,
    TargetIops: iopsOf(target),
    TargetVolumeType: target.volumeType as 'gp3',
    TargetThroughput: target.throughputMibps,
    TargetMultiAttachEnabled: false,
    OriginalSize: original.sizeGib,
    OriginalIops: iopsOf(original),
    OriginalVolumeType: original.volumeType as 'gp3',
    OriginalThroughput: original.throughputMibps,
    OriginalMultiAttachEnabled: false,
    Progress: state === 'completed' ? 100 : state === 'optimizing' ? 99 : 0,
    StartTime: new Date(startTime),
    EndTime: endTime === undefined ? undefined : new Date(endTime),
  }
}
