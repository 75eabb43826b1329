import { join } from 'node:path'
import type { Domain } from '../../ec2/domain.ts'
import { requireExportableSnapshot } from '../../ec2/transfer/exportable.ts'
import { isObjectUrl, readObjectUrl } from '../../ec2/transfer/object-url.ts'
import { requireBucket, requireObjectPlace } from '../../ec2/transfer/require-bucket.ts'
import { writeSnapshot } from '../../ec2/transfer/snapshot-export.ts'
import { findOwnSnapshot } from '../../ec2/snapshot/visible-snapshot.ts'
import { diskFile } from '../../host/state-paths.ts'
import type { AnyOperation } from '../dispatch.ts'
import type { KilnDependencies } from '../kiln-dependencies.ts'
import { mutation, query } from '../kiln-operation.ts'
import { startTask } from './kiln-task.ts'

/** Snapshots as files of the host and objects of buckets, and what is in those. */
export function kilnSnapshotOperations(domain: Domain, { disks }: KilnDependencies): Record<string, AnyOperation> {
  return {
    KilnExportSnapshot: mutation('KilnExportSnapshot', (context, input) => {
      const { Destination: destination, Format: format, IsCompressed: isCompressed = false } = input
      const snapshot = requireExportableSnapshot(findOwnSnapshot(domain, context, input.SnapshotId))
      if (isObjectUrl(destination)) requireObjectPlace(domain, context, readObjectUrl(destination))
      const path = join(domain.paths.layers, snapshot.layerId, diskFile.disk)
      return startTask(
        domain,
        context,
        'export-snapshot',
        snapshot.id,
        async (job) => {
          const isOverwriting = input.Overwrite === true
          await writeSnapshot(
            { disks, objects: domain.objects },
            { path, format, destination, isCompressed, isOverwriting },
            job,
          )
          return {}
        },
        { destination },
      )
    }),
    KilnDescribeObjects: query('KilnDescribeObjects', async (context, { Bucket: bucket, Prefix: prefix = '' }) => {
      requireBucket(domain, context, bucket)
      return {
        Objects: (await domain.objects.list(bucket, prefix)).map(({ key, sizeBytes, modifiedAt }) => ({
          Key: key,
          SizeBytes: sizeBytes,
          ModifiedAt: modifiedAt.toISOString(),
        })),
      }
    }),
  }
}
