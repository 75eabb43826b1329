import { join } from 'node:path'
import fsExtra from 'fs-extra'
import type { Domain } from '../../ec2/domain.ts'
import { invalidParameterValue } from '../../ec2/errors.ts'
import { requireExportableSnapshot } from '../../ec2/transfer/exportable.ts'
import { findOwnSnapshot } from '../../ec2/snapshot/visible-snapshot.ts'
import { diskFile } from '../../host/state-paths.ts'
import type { AnyOperation } from '../dispatch.ts'
import type { KilnDependencies } from '../kiln-dependencies.ts'
import { mutation } from '../kiln-operation.ts'
import { startTask } from './kiln-task.ts'

/** Snapshots as files of the host. */
export function kilnSnapshotOperations(domain: Domain, { disks }: KilnDependencies): Record<string, AnyOperation> {
  return {
    KilnExportSnapshot: mutation('KilnExportSnapshot', (context, input) => {
      const { Destination: destination, Format: format, IsCompressed: isCompressed = false } = input
      const snapshot = requireExportableSnapshot(findOwnSnapshot(domain, context, input.SnapshotId))
      const path = join(domain.paths.layers, snapshot.layerId, diskFile.disk)
      return startTask(
        domain,
        context,
        'export-snapshot',
        snapshot.id,
        async (job) => {
          if (input.Overwrite !== true && (await fsExtra.pathExists(destination))) {
            throw invalidParameterValue('Destination', destination, 'There is such a file already.')
          }
          await disks.exportDisk({ path, format, destination, isCompressed }, job)
          return {}
        },
        { destination },
      )
    }),
  }
}
