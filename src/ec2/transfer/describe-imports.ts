import type { ImportImageTask, ImportSnapshotTask, SnapshotDetail } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import type { Ec2Query } from '../operation.ts'
import { describeTags } from '../tag/tag.ts'
import { describeState, selectTransfers, taskFilterNames } from './select-transfers.ts'
import { arrivingDisks, deviceNamesOf } from './imported-disk.ts'
import type { ImportedDisk, ImportImageRecord, ImportSnapshotRecord, TransferRecord } from './transfer.ts'

type Transfers = Pick<Domain, 'store' | 'transfers'>

/** DescribeImportImageTasks: those under way, and those that have ended in the last 31 days. */
export function describeImportImageTasks(domain: Domain): Ec2Query<'DescribeImportImageTasks'> {
  return {
    kind: 'query',
    parameters: ['ImportTaskIds', 'Filters', 'MaxResults', 'NextToken'],
    filters: taskFilterNames,
    answer: (context, input) => {
      const request = { ...input, ids: input.ImportTaskIds, idParameter: 'importTaskIds' }
      const { records, token } = selectTransfers(domain, context, 'import-image', 'import-ami', request)
      return { ImportImageTasks: records.map((transfer) => describeImportImageTask(domain, transfer)), ...token }
    },
  }
}

/** DescribeImportSnapshotTasks. */
export function describeImportSnapshotTasks(domain: Domain): Ec2Query<'DescribeImportSnapshotTasks'> {
  return {
    kind: 'query',
    parameters: ['ImportTaskIds', 'Filters', 'MaxResults', 'NextToken'],
    filters: taskFilterNames,
    answer: (context, input) => {
      const request = { ...input, ids: input.ImportTaskIds, idParameter: 'importTaskIds' }
      const { records, token } = selectTransfers(domain, context, 'import-snapshot', 'import-snap', request)
      return { ImportSnapshotTasks: records.map((transfer) => describeImportSnapshotTask(domain, transfer)), ...token }
    },
  }
}

export function describeImportImageTask(domain: Transfers, transfer: ImportImageRecord): ImportImageTask {
  return {
    ImportTaskId: transfer.id,
    Architecture: transfer.architecture,
    BootMode: transfer.bootMode,
    Description: transfer.description,
    Hypervisor: 'xen',
    Platform: 'Linux',
    Encrypted: transfer.kmsKeyId !== undefined,
    KmsKeyId: transfer.kmsKeyId,
    ImageId: transfer.imageId,
    SnapshotDetails: describeDevices(domain, transfer),
    ...describeState(domain, transfer),
    Tags: describeTags(domain.store.tags.of(transfer.id)),
  }
}

export function describeImportSnapshotTask(domain: Transfers, transfer: ImportSnapshotRecord): ImportSnapshotTask {
  return {
    ImportTaskId: transfer.id,
    Description: transfer.description,
    SnapshotTaskDetail: {
      ...describeDisk(transfer.disk, transfer),
      ...describeState(domain, transfer),
      Encrypted: transfer.kmsKeyId !== undefined,
      KmsKeyId: transfer.kmsKeyId,
    },
    Tags: describeTags(domain.store.tags.of(transfer.id)),
  }
}

/** While it is active, each with its own progress. */
function describeDevices({ transfers }: Transfers, transfer: ImportImageRecord): SnapshotDetail[] {
  const progress = transfer.state === 'active' ? transfers.progressOf(transfer.id)?.disks : undefined
  const disks = arrivingDisks(transfer.disks, progress)
  const names = deviceNamesOf(disks)
  return disks.map((disk, index) => ({
    ...describeDisk(disk, transfer),
    DeviceName: names[index],
    ...(disk.percent === undefined ? {} : { Progress: String(disk.percent) }),
    ...(disk.percent === 100 ? { Status: 'completed' } : {}),
  }))
}

function describeDisk(
  { source, format, description, sizeBytes, snapshotId }: ImportedDisk,
  transfer: TransferRecord,
): SnapshotDetail {
  return {
    Description: description,
    Format: format?.toUpperCase(),
    DiskImageSize: sizeBytes,
    SnapshotId: snapshotId,
    Status: transfer.state,
    ...(source.kind === 'url' ? { Url: withoutQuery(source.url) } : {}),
    ...(source.kind === 'file' ? { Url: `file://${source.path}` } : {}),
    ...(source.kind === 'object' ? { UserBucket: { S3Bucket: source.bucket, S3Key: source.key } } : {}),
  }
}

/** A query may hold a secret that lends access. */
function withoutQuery(url: string): string {
  const { origin, pathname } = new URL(url)
  return `${origin}${pathname}`
}
