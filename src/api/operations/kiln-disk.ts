import { join } from 'node:path'
import { templateFile } from '../../host/state-paths.ts'
import type { Domain } from '../../ec2/domain.ts'
import { findOne } from '../../ec2/ids.ts'
import type { ImageRecord } from '../../ec2/image/image.ts'
import { statePathOf } from '../../ec2/hibernation/hibernation.ts'
import { createDiskUsage, type MeasuredLayer } from '../../ec2/layer/disk-usage.ts'
import { chainOf } from '../../ec2/layer/layer-chain.ts'
import type { LayerRecord } from '../../ec2/layer/layer.ts'
import type { CallContext } from '../../ec2/operation.ts'
import { retentionDaysOf } from '../../ec2/recycle-bin/retention-rule.ts'
import type { SnapshotRecord } from '../../ec2/snapshot/snapshot.ts'
import { tierOf } from '../../ec2/snapshot/tiering.ts'
import { layerPathOf, overlayPathOf } from '../../ec2/volume/volume.ts'
import type { AnyOperation } from '../dispatch.ts'
import type { KilnDependencies } from '../kiln-dependencies.ts'
import { mutation, query } from '../kiln-operation.ts'
import type { KilnOutputs } from '../kiln-operations.ts'
import type { DiskUse } from '../kiln/disk.ts'
import { startTask } from './kiln-task.ts'

/** What lies on the host's disk, what stands on what, and whether it is as it was. */
export function kilnDiskOperations(domain: Domain, kiln: KilnDependencies): Record<string, AnyOperation> {
  return {
    KilnDescribeDisks: query('KilnDescribeDisks', () => describeDisks(domain, kiln)),
    KilnCheckDisks: mutation('KilnCheckDisks', (context, input) => {
      const layerIds = chooseLayers(domain, context, input.ResourceIds)
      const subject = input.ResourceIds?.join(' ') ?? 'every layer'
      return startTask(domain, context, 'check-disks', subject, (job) => domain.layerCheck.check(layerIds, job))
    }),
  }
}

/** The layers that the resources stand on; all that there are, of all accounts, when none is named. */
function chooseLayers({ store }: Domain, context: CallContext, ids: readonly string[] | undefined): string[] {
  if (ids === undefined) return store.layers.listBy('state', 'available').map(({ id }) => id)
  const tops = ids.flatMap((id): (string | undefined)[] => {
    if (id.startsWith('layer-')) return [findOne('layer', id, (wanted) => store.layers.find(wanted)).id]
    if (id.startsWith('vol-')) return [findOne('vol', id, (wanted) => store.volumes.get(context, wanted)).layerId]
    if (id.startsWith('ami-')) {
      const image = findOne('ami', id, (wanted) => store.images.get(context, wanted))
      return image.blockDevices.map(({ snapshotId }) => store.snapshots.find(snapshotId)?.layerId)
    }
    return [findOne('snap', id, (wanted) => store.snapshots.get(context, wanted)).layerId]
  })
  return [...new Set(tops.flatMap((id) => chainOf(store, id)).map(({ id }) => id))]
}

/** What a snapshot or a volume names, the archive of one that is restored for a time too. */
function layersOf({ layerId, archiveLayerId }: { layerId?: string; archiveLayerId?: string }): string[] {
  return [layerId ?? [], archiveLayerId ?? []].flat()
}

async function describeDisks(
  { store, paths }: Domain,
  { disks }: KilnDependencies,
): Promise<KilnOutputs['KilnDescribeDisks']> {
  const sizeOf = async (path: string) => await disks.allocatedBytes(path).catch(() => 0)
  const layers = await Promise.all(
    store.layers
      .listAll()
      .filter(({ state }) => state !== 'pending')
      .map(
        async (layer): Promise<LayerRecord & MeasuredLayer> => ({
          ...layer,
          bytes: await sizeOf(layerPathOf(paths, layer.id)),
        }),
      ),
  )
  const volumes = await Promise.all(
    store.volumes.listAll().map(async (volume) => ({ ...volume, bytes: await sizeOf(overlayPathOf(paths, volume)) })),
  )
  const memories = await Promise.all(
    store.instances
      .listBy('state', 'stopped')
      .flatMap(({ id, hibernation }) =>
        hibernation
          ? [sizeOf(statePathOf(paths, id)).then((bytes) => ({ id, savedAt: hibernation.savedAt, bytes }))]
          : [],
      ),
  )
  const templates = await Promise.all(
    store.warmTemplates.listAll().map(async (template) => {
      const files = Object.values(templateFile).map((name) => sizeOf(join(paths.templates, template.id, name)))
      return { ...template, bytes: (await Promise.all(files)).reduce((total, bytes) => total + bytes, 0) }
    }),
  )
  const snapshots = store.snapshots.listAll()
  const recycled = store.recycledSnapshots.listAll()
  const named = [...snapshots, ...recycled.map(({ resource }) => resource), ...volumes]
  const ofTemplates = templates.flatMap(({ warm }) => warm?.layerId ?? [])
  const usage = createDiskUsage(layers, [...named.flatMap(layersOf), ...ofTemplates])
  const layersOfImage = ({ blockDevices }: ImageRecord) =>
    blockDevices.flatMap(({ snapshotId }) => {
      const snapshot = store.snapshots.find(snapshotId)
      return snapshot ? layersOf(snapshot) : []
    })
  const use = (layerIds: readonly string[], ownBytes = 0): DiskUse => {
    const TotalBytes = usage.totalOf(layerIds) + ownBytes
    const FreedBytes = usage.freedBy(layerIds) + ownBytes
    return { TotalBytes, FreedBytes, SharedBytes: TotalBytes - FreedBytes }
  }
  const retention = (record: SnapshotRecord | ImageRecord, type: 'EBS_SNAPSHOT' | 'EC2_IMAGE') => {
    const days = retentionDaysOf(store, record, type, store.tags.of(record.id))
    return days === undefined ? {} : { RetentionDays: days }
  }
  const sum = (all: readonly { bytes: number }[]) => all.reduce((total, { bytes }) => total + bytes, 0)
  return {
    Layers: layers.map((layer) => ({
      LayerId: layer.id,
      ...(layer.parentId === undefined ? {} : { ParentId: layer.parentId }),
      State: layer.state,
      Bytes: layer.bytes,
      Depth: chainOf(store, layer.id).length,
      IsFlattening: layer.flattening !== undefined && layer.flattening.state !== 'replaced',
      ...(layer.damage ? { Damage: { FoundAt: layer.damage.foundAt, Reason: layer.damage.reason } } : {}),
      SnapshotIds: snapshots.filter(({ layerId }) => layerId === layer.id).map(({ id }) => id),
    })),
    Images: store.images.listAll().map((image) => ({
      ImageId: image.id,
      Name: image.name,
      SnapshotIds: image.blockDevices.map(({ snapshotId }) => snapshotId),
      ...use(layersOfImage(image)),
      ...retention(image, 'EC2_IMAGE'),
    })),
    Snapshots: snapshots.map((snapshot) => {
      const imageIds = store.images.listBy('blockDevices[].snapshotId', snapshot.id).map(({ id }) => id)
      return {
        SnapshotId: snapshot.id,
        LayerId: snapshot.layerId,
        State: snapshot.state,
        StorageTier: tierOf(snapshot),
        ImageIds: imageIds,
        ...use(layersOf(snapshot)),
        ...retention(snapshot, 'EBS_SNAPSHOT'),
      }
    }),
    RecycledSnapshots: recycled.map(({ id, resource, exitAt }) => ({
      SnapshotId: id,
      LayerId: resource.layerId,
      ExitTime: exitAt,
      ...use(layersOf(resource)),
    })),
    Volumes: volumes.map((volume) => ({
      VolumeId: volume.id,
      ...(volume.layerId === undefined ? {} : { LayerId: volume.layerId }),
      ...(volume.attachment ? { InstanceId: volume.attachment.instanceId } : {}),
      State: volume.state,
      OwnBytes: volume.bytes,
      ...use(volume.layerId === undefined ? [] : [volume.layerId], volume.bytes),
    })),
    Memories: memories.map(({ id, savedAt, bytes }) => ({ InstanceId: id, SavedAt: savedAt, Bytes: bytes })),
    Templates: templates.map(({ id, imageId, instanceType, state, warm, bytes }) => ({
      TemplateId: id,
      ImageId: imageId,
      InstanceType: instanceType,
      ...(warm ? { LayerId: warm.layerId } : {}),
      State: state,
      OwnBytes: bytes,
      ...use(warm ? [warm.layerId] : [], bytes),
    })),
    LayerBytes: sum(layers),
    VolumeBytes: sum(volumes),
    MemoryBytes: sum(memories),
    TemplateBytes: sum(templates),
    FreeBytes: await disks.freeBytes(paths.root),
  }
}
