import type { ExportImageTask } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { invalidParameterValue, missingParameter, unsupportedOperation } from '../errors.ts'
import { requireOneOf } from '../honoured.ts'
import { newId } from '../ids.ts'
import type { ImageRecord } from '../image/image.ts'
import { requireImageDescription } from '../image/image-description.ts'
import { findOwnImage, requireAvailableImage } from '../image/visible-image.ts'
import type { Ec2Mutation, Ec2Query } from '../operation.ts'
import type { ExportFormat } from '../ports/disk.ts'
import { describeTags, putTags, readTagSpecifications } from '../tag/tag.ts'
import { requireExportableImage } from './exportable.ts'
import { requireBucket } from './require-bucket.ts'
import { describeState, selectTransfers, taskFilterNames } from './select-transfers.ts'
import { requireTransferQuota } from './transfer-quota.ts'
import type { ExportImageRecord } from './transfer.ts'

const operation = 'ExportImage'
const resourceType = 'export-image-task'
/** EC2's; Kiln's other formats are `kiln image export`'s. */
const formats: readonly ExportFormat[] = ['vmdk', 'raw', 'vhd']

/** ExportImage: the disk of an AMI as an object `PREFIXexport-ami-….FORMAT`. */
export function exportImage(domain: Domain): Ec2Mutation<'ExportImage'> {
  const { store, random, objects } = domain
  return {
    kind: 'mutation',
    parameters: [
      'ClientToken',
      'Description',
      'DiskImageFormat',
      'ImageId',
      'RoleName',
      'S3ExportLocation',
      'TagSpecifications',
    ],
    apply: (context, input) => {
      const { accountId, region } = context
      const { DiskImageFormat: wanted, ImageId: imageId, Description: description, S3ExportLocation: location } = input
      if (!imageId) throw missingParameter('ImageId')
      if (!wanted) throw missingParameter('DiskImageFormat')
      const format = formats.find((candidate) => candidate === wanted.toLowerCase())
      if (!format) throw invalidParameterValue('diskImageFormat', wanted, 'Expected VMDK, RAW or VHD.')
      requireOneOf(operation, 'RoleName', input.RoleName, ['vmimport'])
      requireImageDescription(description ?? '')
      const image = findOwnImage(domain, context, imageId)
      requireAvailableImage(image)
      requireOneDisk(image)
      requireExportableImage(store, image)
      const { S3Bucket: bucket, S3Prefix: prefix = '' } = location ?? {}
      if (!bucket) throw missingParameter('S3ExportLocation.S3Bucket')
      requireBucket(domain, context, bucket)
      requireTransferQuota(domain, context, ['export-image'])
      const tags = readTagSpecifications(input.TagSpecifications, [resourceType]).get(resourceType) ?? []
      const transfer: ExportImageRecord = {
        accountId,
        region,
        id: newId('export-ami', random),
        kind: 'export-image',
        state: 'active',
        startedAt: context.now.toISOString(),
        imageId: image.id,
        ...(description === undefined ? {} : { description }),
        format,
        bucket,
        prefix,
      }
      objects.requirePlace({ bucket, key: exportKeyOf(transfer) })
      store.transfers.insert(transfer)
      putTags(store, context, transfer.id, resourceType, tags)
      context.afterCommit(() => domain.transfers.start(transfer.id))
      return { ...describeExport(domain, transfer), DiskImageFormat: wanted, RoleName: input.RoleName ?? 'vmimport' }
    },
  }
}

/** DescribeExportImageTasks: those under way, and those that have ended in the last 31 days. */
export function describeExportImageTasks(domain: Domain): Ec2Query<'DescribeExportImageTasks'> {
  return {
    kind: 'query',
    parameters: ['ExportImageTaskIds', 'Filters', 'MaxResults', 'NextToken'],
    filters: taskFilterNames,
    answer: (context, input) => {
      const request = { ...input, ids: input.ExportImageTaskIds, idParameter: 'exportImageTaskIds' }
      const { records, token } = selectTransfers(domain, context, 'export-image', 'export-ami', request)
      return { ExportImageTasks: records.map((transfer) => describeExport(domain, transfer)), ...token }
    },
  }
}

/** Where an export goes. */
export function exportKeyOf({ id, prefix, format }: ExportImageRecord): string {
  return `${prefix}${id}.${format}`
}

function describeExport(domain: Pick<Domain, 'store' | 'transfers'>, transfer: ExportImageRecord): ExportImageTask {
  return {
    ExportImageTaskId: transfer.id,
    ImageId: transfer.imageId,
    Description: transfer.description,
    S3ExportLocation: { S3Bucket: transfer.bucket, S3Prefix: transfer.prefix },
    ...describeState(domain, transfer),
    Tags: describeTags(domain.store.tags.of(transfer.id)),
  }
}

function requireOneDisk({ id, blockDevices }: ImageRecord): void {
  if (blockDevices.length === 1) return
  throw unsupportedOperation(
    `The image ${id} has ${blockDevices.length} devices: an export is one disk. Export its snapshots, or store the image (CreateStoreImageTask).`,
  )
}
