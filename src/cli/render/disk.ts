import type { DiskDescription, DiskUse } from '../../api/kiln/disk.ts'
import { formatBytes } from './progress.ts'
import { type Column, renderTable } from './table.ts'

/** A line of the tree: a layer, or what names it. */
interface Row extends Partial<DiskUse> {
  readonly label: string
  /** What its own file takes. */
  readonly bytes?: number
  readonly remark?: string
}

/** The layers as a tree, each with the images, snapshots and volumes that name it, and the totals below. */
export function renderDisks(disks: DiskDescription): string {
  const ids = new Set(disks.Layers.map(({ LayerId }) => LayerId))
  const isRoot = ({ ParentId }: DiskDescription['Layers'][number]) => ParentId === undefined || !ids.has(ParentId)
  const rows = [
    ...disks.Layers.filter(isRoot).flatMap((layer) => rowsOf(disks, layer, '')),
    ...disks.Volumes.filter(({ LayerId }) => LayerId === undefined).map((volume) => volumeRow(volume, '')),
    ...disks.Templates.filter(({ LayerId }) => LayerId === undefined).map((template) => templateRow(template, '')),
    ...disks.Memories.map(({ InstanceId, SavedAt, Bytes }) => ({
      label: InstanceId,
      bytes: Bytes,
      FreedBytes: Bytes,
      remark: `memory, hibernated since ${SavedAt.slice(0, 16).replace('T', ' ')}`,
    })),
  ]
  const table = rows.length === 0 ? '' : `${renderTable(rows, columns)}\n`
  const { LayerBytes, VolumeBytes, MemoryBytes, TemplateBytes, FreeBytes } = disks
  const memory = MemoryBytes > 0 ? `, the memory of hibernated instances ${formatBytes(MemoryBytes)}` : ''
  const warm = TemplateBytes > 0 ? `, the memory of warm templates ${formatBytes(TemplateBytes)}` : ''
  return `${table}Layers take ${formatBytes(LayerBytes)}, volumes ${formatBytes(VolumeBytes)}${memory}${warm}; ${formatBytes(FreeBytes)} are free.\n`
}

const bytesOf = (bytes: number | undefined) => (bytes === undefined ? undefined : formatBytes(bytes))

const columns: readonly Column<Row>[] = [
  { title: 'LAYER, AND WHAT NAMES IT', value: (row) => row.label },
  { title: 'FILE', value: (row) => bytesOf(row.bytes) },
  { title: 'WITH ALL BELOW', value: (row) => bytesOf(row.TotalBytes) },
  { title: 'SHARED', value: (row) => bytesOf(row.SharedBytes) },
  { title: 'DELETING FREES', value: (row) => bytesOf(row.FreedBytes) },
  { title: 'REMARK', value: (row) => row.remark },
]

function rowsOf(disks: DiskDescription, layer: DiskDescription['Layers'][number], indent: string): Row[] {
  const { LayerId: id } = layer
  const inner = `${indent}  `
  const own = disks.Snapshots.filter(({ LayerId }) => LayerId === id)
  const images = disks.Images.filter(({ SnapshotIds: [first] }) => own.some(({ SnapshotId }) => SnapshotId === first))
  const remark = layer.Damage
    ? `DAMAGED: ${layer.Damage.Reason}`
    : layer.IsFlattening
      ? 'is being flattened'
      : undefined
  return [
    { label: `${indent}${id}`, bytes: layer.Bytes, ...(remark === undefined ? {} : { remark }) },
    ...images.map((image) => ({
      ...image,
      label: `${inner}${image.ImageId} ${image.Name}`,
      ...remarkOf('with its snapshots', retentionOf(image)),
    })),
    ...own.map((snapshot) => ({
      ...snapshot,
      label: `${inner}${snapshot.SnapshotId}`,
      ...remarkOf(
        snapshot.State === 'completed' ? undefined : snapshot.State,
        snapshot.StorageTier === 'archive' ? 'archived' : undefined,
        snapshot.ImageIds.length === 0 ? undefined : `of ${snapshot.ImageIds.join(', ')}`,
        retentionOf(snapshot),
      ),
    })),
    ...disks.RecycledSnapshots.filter(({ LayerId }) => LayerId === id).map((recycled) => ({
      ...recycled,
      label: `${inner}${recycled.SnapshotId}`,
      remark: `in the Recycle Bin until ${recycled.ExitTime.slice(0, 16).replace('T', ' ')}`,
    })),
    ...disks.Templates.filter(({ LayerId }) => LayerId === id).map((template) => templateRow(template, inner)),
    ...disks.Volumes.filter(({ LayerId }) => LayerId === id).map((volume) => volumeRow(volume, inner)),
    ...disks.Layers.filter(({ ParentId }) => ParentId === id).flatMap((child) => rowsOf(disks, child, inner)),
  ]
}

function volumeRow(volume: DiskDescription['Volumes'][number], indent: string): Row {
  return {
    ...volume,
    label: `${indent}${volume.VolumeId}`,
    bytes: volume.OwnBytes,
    ...remarkOf(volume.InstanceId === undefined ? volume.State : `of ${volume.InstanceId}`),
  }
}

/** Its disk is the layer above; its own files are memory and devices. */
function templateRow(template: DiskDescription['Templates'][number], indent: string): Row {
  return {
    ...template,
    label: `${indent}${template.TemplateId}`,
    bytes: template.OwnBytes,
    ...remarkOf(
      template.State === 'ready' ? undefined : template.State,
      `memory of a warm template of ${template.ImageId} for ${template.InstanceType}`,
    ),
  }
}

function retentionOf({ RetentionDays: days }: { RetentionDays?: number }): string | undefined {
  return days === undefined ? undefined : `deleted, it is in the Recycle Bin for ${days} days first`
}

function remarkOf(...parts: readonly (string | undefined)[]): { remark?: string } {
  const text = parts.filter((part) => part !== undefined).join('; ')
  return text === '' ? {} : { remark: text }
}
