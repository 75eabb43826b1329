import { findAll, type IdPrefix, idNotFound, requireWellFormed } from '../ids.ts'
import type { Ec2Mutation, Ec2Query } from '../operation.ts'
import { readPage } from '../page.ts'

/**
 * The Recycle Bin keeps what a retention rule says. Rules are made by a service that Kiln does not have, so nothing ever goes there:
 * the lists are empty, and what is asked for by its id is not found, as on EC2 in an account without rules.
 */
const emptyBin = { page: () => [] }

const findNothing = () => undefined

export function listImagesInRecycleBin(): Ec2Query<'ListImagesInRecycleBin'> {
  return {
    kind: 'query',
    parameters: ['ImageIds', 'MaxResults', 'NextToken'],
    answer: (context, input) => {
      findAll('ami', input.ImageIds ?? [], findNothing)
      readPage(emptyBin, context, input, () => [], { minimum: 1, maximum: 1000 })
      return { Images: [] }
    },
  }
}

export function listSnapshotsInRecycleBin(): Ec2Query<'ListSnapshotsInRecycleBin'> {
  return {
    kind: 'query',
    parameters: ['SnapshotIds', 'MaxResults', 'NextToken'],
    answer: (context, input) => {
      findAll('snap', input.SnapshotIds ?? [], findNothing)
      readPage(emptyBin, context, input, () => [])
      return { Snapshots: [] }
    },
  }
}

export function listVolumesInRecycleBin(): Ec2Query<'ListVolumesInRecycleBin'> {
  return {
    kind: 'query',
    parameters: ['VolumeIds', 'MaxResults', 'NextToken'],
    answer: (context, input) => {
      findAll('vol', input.VolumeIds ?? [], findNothing)
      readPage(emptyBin, context, input, () => [])
      return { Volumes: [] }
    },
  }
}

export function restoreImageFromRecycleBin(): Ec2Mutation<'RestoreImageFromRecycleBin'> {
  return {
    kind: 'mutation',
    parameters: ['ImageId'],
    apply: (_context, input) => refuseRestoring('ami', input.ImageId),
  }
}

export function restoreSnapshotFromRecycleBin(): Ec2Mutation<'RestoreSnapshotFromRecycleBin'> {
  return {
    kind: 'mutation',
    parameters: ['SnapshotId'],
    apply: (_context, input) => refuseRestoring('snap', input.SnapshotId),
  }
}

export function restoreVolumeFromRecycleBin(): Ec2Mutation<'RestoreVolumeFromRecycleBin'> {
  return {
    kind: 'mutation',
    parameters: ['VolumeId'],
    apply: (_context, input) => refuseRestoring('vol', input.VolumeId),
  }
}

function refuseRestoring(prefix: IdPrefix, id = ''): never {
  requireWellFormed(prefix, id)
  throw idNotFound(prefix, [id])
}
