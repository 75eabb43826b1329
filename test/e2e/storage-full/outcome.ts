import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { OperationInput } from '../../../src/api/contract.ts'
import { type Lab, until } from '../lab.ts'

// What becomes of work on disks. Functions that begin with `take` answer why it failed, undefined when it did not, and delete what came of
// it, as what did not come to anything.

type VolumeRequest = Omit<OperationInput<'CreateVolume'>, 'AvailabilityZone'>

export const describeInstance = async (lab: Lab, id: string) =>
  (await lab.call('DescribeInstances', { InstanceIds: [id] })).Reservations?.[0]?.Instances?.[0]

const describeImage = async (lab: Lab, id: string) => (await lab.call('DescribeImages', { ImageIds: [id] })).Images?.[0]

export const rootSnapshotOf = async (lab: Lab, imageId: string) =>
  (await describeImage(lab, imageId))?.BlockDeviceMappings?.[0]?.Ebs?.SnapshotId ?? ''

export async function findImages(lab: Lab, name: string): Promise<string[]> {
  const { Images: images = [] } = await lab.call('DescribeImages', { Filters: [{ Name: 'name', Values: [name] }] })
  return images.flatMap(({ ImageId: id }) => id ?? [])
}

/** Waits for the end of something that is asked for again and again. */
export async function endOf<T>(look: () => Promise<T>, isOver: (found: T) => boolean): Promise<T> {
  let found = await look()
  await until(async () => isOver((found = await look())))
  return found
}

export async function endOfSnapshot(lab: Lab, id = '') {
  const look = async () => (await lab.call('DescribeSnapshots', { SnapshotIds: [id] })).Snapshots?.[0]
  return await endOf(look, (snapshot) => snapshot?.State !== 'pending')
}

export async function takeSnapshot(lab: Lab, id = ''): Promise<string | undefined> {
  const { State, StateMessage } = (await endOfSnapshot(lab, id)) ?? {}
  await lab.call('DeleteSnapshot', { SnapshotId: id })
  return State === 'completed' ? undefined : `${State}: ${StateMessage}`
}

export async function takeImage(lab: Lab, id = ''): Promise<string | undefined> {
  const image = await endOf(
    () => describeImage(lab, id),
    (found) => found?.State !== 'pending',
  )
  await lab.call('DeregisterImage', { ImageId: id, DeleteAssociatedSnapshots: true })
  return image?.State === 'available' ? undefined : `${image?.State}: ${image?.StateReason?.Message}`
}

export async function takeImport(lab: Lab, id = ''): Promise<string | undefined> {
  const look = async () => (await lab.call('DescribeImportImageTasks', { ImportTaskIds: [id] })).ImportImageTasks?.[0]
  const task = await endOf(look, (found) => found?.Status !== 'active')
  if (task?.Status !== 'completed') return `${task?.Status}: ${task?.StatusMessage}`
  return await takeImage(lab, task.ImageId)
}

export async function createVolume(lab: Lab, request: VolumeRequest) {
  const { VolumeId: id = '' } = await lab.call('CreateVolume', { AvailabilityZone: 'us-east-1a', ...request })
  const look = async () => (await lab.call('DescribeVolumes', { VolumeIds: [id] })).Volumes?.[0]?.State
  return { id, state: await endOf(look, (state) => state !== 'creating') }
}

export async function deleteVolume(lab: Lab, VolumeId: string): Promise<void> {
  await lab.call('DeleteVolume', { VolumeId })
  await until(async () => !(await lab.call('DescribeVolumes', {})).Volumes?.some((one) => one.VolumeId === VolumeId))
}

export async function takeVolume(lab: Lab, request: VolumeRequest): Promise<string | undefined> {
  const { id, state } = await createVolume(lab, request)
  const { Events: events } = await lab.call('KilnDescribeEvents', {})
  await deleteVolume(lab, id)
  const said = events.findLast(({ ResourceId }) => ResourceId === id)?.Message
  return state === 'available' ? undefined : `${state}: ${said}`
}

/** Deletes an image with its layer. */
export async function forgetImage(lab: Lab, id: string): Promise<void> {
  const countLayers = async () => (await readdir(join(lab.home, 'layers'))).length
  const count = await countLayers()
  await lab.call('DeregisterImage', { ImageId: id, DeleteAssociatedSnapshots: true })
  await until(async () => (await countLayers()) < count)
}

/** Why an export failed. */
export async function exportImage(lab: Lab, imageId: string, S3Bucket: string): Promise<string | undefined> {
  const request = { ImageId: imageId, DiskImageFormat: 'RAW', S3ExportLocation: { S3Bucket } } as const
  const { ExportImageTaskId: id = '' } = await lab.call('ExportImage', request)
  const look = async () =>
    (await lab.call('DescribeExportImageTasks', { ExportImageTaskIds: [id] })).ExportImageTasks?.[0]
  const task = await endOf(look, (found) => found?.Status !== 'active')
  return task?.Status === 'completed' ? undefined : `${task?.Status}: ${task?.StatusMessage}`
}

/** Why an image could not be stored. */
export async function storeImage(lab: Lab, imageId: string, Bucket: string): Promise<string | undefined> {
  await lab.call('CreateStoreImageTask', { ImageId: imageId, Bucket })
  const look = async () =>
    (await lab.call('DescribeStoreImageTasks', { ImageIds: [imageId] })).StoreImageTaskResults?.at(-1)
  const task = await endOf(look, (found) => found?.StoreTaskState !== 'InProgress')
  return task?.StoreTaskState === 'Completed' ? undefined : `${task?.StoreTaskState}: ${task?.StoreTaskFailureReason}`
}

/** Why the move of a snapshot into the archive or out of it failed. */
export async function endOfTiering(lab: Lab, snapshotId: string): Promise<string | undefined> {
  const Filters = [{ Name: 'snapshot-id', Values: [snapshotId] }]
  const look = async () => (await lab.call('DescribeSnapshotTierStatus', { Filters })).SnapshotTierStatuses?.[0]
  const status = await endOf(look, (found) => !found?.LastTieringOperationStatus?.endsWith('in-progress'))
  const { LastTieringOperationStatus: how, LastTieringOperationStatusDetail: detail } = status ?? {}
  return how?.endsWith('completed') ? undefined : `${how}: ${detail}`
}

/** The words of a command that failed. */
export async function tryKiln(lab: Lab, ...args: string[]): Promise<string | undefined> {
  const { exitCode, stderr } = await lab.kiln(...args)
  return exitCode === 0 ? undefined : stderr
}
