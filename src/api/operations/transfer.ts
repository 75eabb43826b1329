import type { Domain } from '../../ec2/domain.ts'
import { cancelExportTask, cancelImportTask } from '../../ec2/transfer/cancel-transfer.ts'
import { describeImportImageTasks, describeImportSnapshotTasks } from '../../ec2/transfer/describe-imports.ts'
import { describeExportImageTasks, exportImage } from '../../ec2/transfer/export-image.ts'
import { importImage } from '../../ec2/transfer/import-image.ts'
import { importSnapshot } from '../../ec2/transfer/import-snapshot.ts'
import { createRestoreImageTask } from '../../ec2/transfer/restore-image.ts'
import { createStoreImageTask, describeStoreImageTasks } from '../../ec2/transfer/store-image.ts'
import type { AnyOperation } from '../dispatch.ts'

export function transferOperations(domain: Domain) {
  return {
    ImportImage: importImage(domain),
    DescribeImportImageTasks: describeImportImageTasks(domain),
    ImportSnapshot: importSnapshot(domain),
    DescribeImportSnapshotTasks: describeImportSnapshotTasks(domain),
    CancelImportTask: cancelImportTask(domain),
    ExportImage: exportImage(domain),
    DescribeExportImageTasks: describeExportImageTasks(domain),
    CancelExportTask: cancelExportTask(domain),
    CreateStoreImageTask: createStoreImageTask(domain),
    DescribeStoreImageTasks: describeStoreImageTasks(domain),
    CreateRestoreImageTask: createRestoreImageTask(domain),
  } satisfies Record<string, AnyOperation>
}
