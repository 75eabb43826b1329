import type { StoreImageTaskResult } from '@aws-sdk/client-ec2'
import { selectRecords } from '../describe.ts'
import type { Domain } from '../domain.ts'
import { missingParameter } from '../errors.ts'
import { defineFilters } from '../filter.ts'
import { newId, requireWellFormed } from '../ids.ts'
import { findOwnImage, requireAvailableImage } from '../image/visible-image.ts'
import type { Ec2Mutation, Ec2Query } from '../operation.ts'
import { readTags } from '../tag/tag.ts'
import { requireStorableImage } from './exportable.ts'
import { requireBucket } from './require-bucket.ts'
import { requireTransferQuota } from './transfer-quota.ts'
import type { StoreImageRecord, TransferRecord } from './transfer.ts'

/** CreateStoreImageTask: the AMI, with its snapshots and tags, as the object `ami-….bin`. */
export function createStoreImageTask(domain: Domain): Ec2Mutation<'CreateStoreImageTask'> {
  const { store, random, objects } = domain
  return {
    kind: 'mutation',
    parameters: ['ImageId', 'Bucket', 'S3ObjectTags'],
    apply: (context, input) => {
      const { accountId, region } = context
      const { ImageId: imageId, Bucket: bucket } = input
      if (!imageId) throw missingParameter('ImageId')
      if (!bucket) throw missingParameter('Bucket')
      const image = findOwnImage(domain, context, imageId)
      requireAvailableImage(image)
      requireStorableImage(store, image)
      requireBucket(domain, context, bucket)
      const objectTags = readTags(input.S3ObjectTags ?? [])
      const key = `${image.id}.bin`
      objects.requirePlace(
        { bucket, key },
        { tags: Object.fromEntries(objectTags.map(({ key, value }) => [key, value])) },
      )
      requireTransferQuota(domain, context, ['store-image'])
      const transfer: StoreImageRecord = {
        accountId,
        region,
        id: newId('task', random),
        kind: 'store-image',
        state: 'active',
        startedAt: context.now.toISOString(),
        imageId: image.id,
        bucket,
        key,
        objectTags,
      }
      store.transfers.insert(transfer)
      context.afterCommit(() => domain.transfers.start(transfer.id))
      return { ObjectKey: key }
    },
  }
}

/** DescribeStoreImageTasks: those under way, and those that have ended in the last 31 days. */
export function describeStoreImageTasks(domain: Domain): Ec2Query<'DescribeStoreImageTasks'> {
  const { store } = domain
  const filters = defineFilters<TransferRecord>({
    'task-state': stateOf,
    bucket: (transfer) => (transfer.kind === 'store-image' ? transfer.bucket : undefined),
  })
  return {
    kind: 'query',
    parameters: ['ImageIds', 'Filters', 'MaxResults', 'NextToken'],
    filters: filters.names,
    answer: (context, input) => {
      const ids = input.ImageIds ?? []
      for (const id of ids) requireWellFormed('ami', id)
      const { records, token } = selectRecords(
        {
          collection: store.transfers,
          prefix: 'task',
          idParameter: 'imageIds',
          limits: { minimum: 1, maximum: 200 },
          filters,
        },
        context,
        {
          ...input,
          ids: undefined,
          where: (transfer) => isStored(transfer) && (ids.length === 0 || ids.includes(transfer.imageId)),
          among:
            ids.length === 0
              ? { kind: 'member', index: 'kind', values: ['store-image'] }
              : { kind: 'member', index: 'imageId', values: ids },
        },
      )
      return {
        StoreImageTaskResults: records.filter(isStored).map((transfer) => describeTask(domain, transfer)),
        ...token,
      }
    },
  }
}

function isStored(transfer: TransferRecord): transfer is StoreImageRecord {
  return transfer.kind === 'store-image'
}

function describeTask({ transfers }: Domain, transfer: StoreImageRecord): StoreImageTaskResult {
  const { state, statusMessage } = transfer
  return {
    AmiId: transfer.imageId,
    TaskStartTime: new Date(transfer.startedAt),
    Bucket: transfer.bucket,
    S3objectKey: transfer.key,
    ProgressPercentage: state === 'completed' ? 100 : (transfers.progressOf(transfer.id)?.percent ?? 0),
    StoreTaskState: stateOf(transfer),
    StoreTaskFailureReason: state === 'deleted' ? statusMessage : undefined,
  }
}

/** EC2 has other words for these tasks. */
function stateOf({ state }: TransferRecord): string {
  if (state === 'completed') return 'Completed'
  return state === 'deleted' ? 'Failed' : 'InProgress'
}
