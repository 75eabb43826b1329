import { findAll } from '../ids.ts'
import type { Domain } from '../domain.ts'
import type { Ec2Query } from '../operation.ts'
import { readPage, refusePagingWithIds } from '../page.ts'

const everything = <T>(records: readonly T[]): T[] => [...records]

export function listImagesInRecycleBin({ store }: Domain): Ec2Query<'ListImagesInRecycleBin'> {
  return {
    kind: 'query',
    parameters: ['ImageIds', 'MaxResults', 'NextToken'],
    answer: (context, input) => {
      refusePagingWithIds('imageIds', input.ImageIds, input)
      const ids = input.ImageIds ?? []
      const { records, token } =
        ids.length > 0
          ? { records: findAll('ami', ids, (id) => store.recycledImages.get(context, id)), token: {} }
          : readPage(store.recycledImages, context, input, everything, { minimum: 1, maximum: 1000 })
      const images = records.map(({ id, resource, enteredAt, exitAt }) => ({
        ImageId: id,
        Name: resource.name,
        Description: resource.description,
        RecycleBinEnterTime: new Date(enteredAt),
        RecycleBinExitTime: new Date(exitAt),
      }))
      return { Images: images, ...token }
    },
  }
}

export function listSnapshotsInRecycleBin({ store }: Domain): Ec2Query<'ListSnapshotsInRecycleBin'> {
  return {
    kind: 'query',
    parameters: ['SnapshotIds', 'MaxResults', 'NextToken'],
    answer: (context, input) => {
      refusePagingWithIds('snapshotIds', input.SnapshotIds, input)
      const ids = input.SnapshotIds ?? []
      const { records, token } =
        ids.length > 0
          ? { records: findAll('snap', ids, (id) => store.recycledSnapshots.get(context, id)), token: {} }
          : readPage(store.recycledSnapshots, context, input, everything)
      const snapshots = records.map(({ id, resource, enteredAt, exitAt }) => ({
        SnapshotId: id,
        Description: resource.description,
        VolumeId: resource.volumeId,
        RecycleBinEnterTime: new Date(enteredAt),
        RecycleBinExitTime: new Date(exitAt),
      }))
      return { Snapshots: snapshots, ...token }
    },
  }
}

/** Volumes are not kept: no retention rule of Kiln is about them. */
export function listVolumesInRecycleBin(): Ec2Query<'ListVolumesInRecycleBin'> {
  return {
    kind: 'query',
    parameters: ['VolumeIds', 'MaxResults', 'NextToken'],
    answer: (context, input) => {
      findAll('vol', input.VolumeIds ?? [], () => undefined)
      readPage({ page: () => [] }, context, input, () => [])
      return { Volumes: [] }
    },
  }
}
