import type { LayerRecord } from './layer.ts'

/** A layer with the bytes that its file takes on the host. */
export interface MeasuredLayer extends Pick<LayerRecord, 'id' | 'parentId'> {
  readonly bytes: number
}

/** What is kept by layers being there: each name of a layer is a reason for it and all that it stands on. */
export interface DiskUsage {
  /** Bytes of the layers with all that they stand on, each counted once. */
  totalOf(layerIds: readonly string[]): number
  /** Bytes that come free when one name each of these layers goes. */
  freedBy(layerIds: readonly string[]): number
}

/** `names` holds the id of a layer once for each snapshot, volume and warm template that names it. Pure. */
export function createDiskUsage(layers: readonly MeasuredLayer[], names: readonly string[]): DiskUsage {
  const byId = new Map(layers.map((layer) => [layer.id, layer]))
  /** By layer, how many name it or stand on it. */
  const users = new Map<string, number>()
  const use = (id: string | undefined) => id !== undefined && users.set(id, (users.get(id) ?? 0) + 1)
  for (const id of names) use(id)
  for (const { parentId } of layers) use(parentId)

  return {
    totalOf: (layerIds) => {
      const counted = new Map<string, number>()
      for (let next of layerIds.map((id) => byId.get(id))) {
        while (next && !counted.has(next.id)) {
          counted.set(next.id, next.bytes)
          next = next.parentId === undefined ? undefined : byId.get(next.parentId)
        }
      }
      return [...counted.values()].reduce((sum, bytes) => sum + bytes, 0)
    },
    freedBy: (layerIds) => {
      const left = new Map(users)
      let freed = 0
      for (let next of layerIds.map((id) => byId.get(id))) {
        while (next) {
          const count = (left.get(next.id) ?? 0) - 1
          left.set(next.id, count)
          if (count > 0) break
          freed += next.bytes
          next = next.parentId === undefined ? undefined : byId.get(next.parentId)
        }
      }
      return freed
    },
  }
}
