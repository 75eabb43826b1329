import { type DriveFreeze, DriveNotFrozen, type DriveRenewal, type Machine } from '../ec2/ports/machine.ts'
import type { DriveKey, DriveSpec } from '../ec2/ports/machine-spec.ts'
import {
  backingNode,
  baseNodeOf,
  blockNodes,
  deviceIdOf,
  type DriveNodes,
  driveDevice,
  driveIdOf,
  fileNode,
  frozenNode,
  generationOf,
  isNodeOf,
  keyObject,
  limitsIdOf,
  nodesOf,
  overlayNode,
  renewedBaseOf,
  throttleGroup,
  throttleLimits,
  throttleNodeOf,
} from './block-node.ts'
import { findSlot } from './device-slot.ts'
import { QmpError } from './qmp.ts'
import type { QmpLink } from './qmp-link.ts'
import { withQuietGuest } from './quiet-guest.ts'

/** The drives of a live machine, by its monitor. QEMU alone knows what is plugged: nothing is remembered here. */
export type DriveBay = Pick<
  Machine,
  | 'listDrives'
  | 'plugDrive'
  | 'unplugDrive'
  | 'emptyDrive'
  | 'closeDrive'
  | 'growDrive'
  | 'limitDrive'
  | 'keepKeys'
  | 'freezeDrives'
  | 'renewBacking'
>

/** A drive with the node that its device reads from, and the top of its chain. */
interface Drive {
  readonly id: string
  readonly deviceNode: string
  readonly topNode: string
}

/** A device as query-blockstats tells of it, with the nodes that it reads from. */
interface DeviceNodes {
  readonly qdev?: string
  readonly 'node-name'?: string
  readonly parent?: { readonly 'node-name'?: string }
}

interface BlockDevice {
  readonly qdev?: string
  readonly inserted?: {
    readonly 'node-name'?: string
    readonly backing_file_depth?: number
    readonly image?: { readonly 'virtual-size'?: number }
  }
}

export function createDriveBay({ link, agentSocket }: { link: QmpLink; agentSocket: string }): DriveBay {
  async function findDrives(): Promise<Drive[]> {
    const devices = (await link.execute('query-blockstats')) as DeviceNodes[]
    return devices.flatMap(({ qdev = '', 'node-name': deviceNode, parent }) => {
      // /machine/peripheral/disk0-device/virtio-backend
      const id = driveIdOf(qdev.split('/')[3] ?? '')
      if (id === undefined || deviceNode === undefined) return []
      const topNode = deviceNode === throttleNodeOf(id) ? (parent?.['node-name'] ?? deviceNode) : deviceNode
      return [{ id, deviceNode, topNode }]
    })
  }

  async function findDrive(id: string): Promise<Drive> {
    const drive = (await findDrives()).find((candidate) => candidate.id === id)
    if (!drive) throw new Error(`the machine has no drive ${id}`)
    return drive
  }

  /** How many nodes the node of each drive's device stands on. */
  async function readDepths(): Promise<Map<string, number>> {
    const devices = (await link.execute('query-block')) as BlockDevice[]
    return new Map(
      devices.flatMap(({ qdev = '', inserted }) => {
        const id = driveIdOf(qdev.split('/')[3] ?? '')
        return id !== undefined && inserted ? [[id, inserted.backing_file_depth ?? 0] as const] : []
      }),
    )
  }

  /** Paths of the nodes that are files, those of other nodes too, by node name. */
  async function listNodes(): Promise<Map<string, string>> {
    const nodes = (await link.execute('query-named-block-nodes', { flat: true })) as {
      'node-name': string
      file: string
    }[]
    return new Map(nodes.map((node) => [node['node-name'], node.file]))
  }

  async function removeNode(name: string): Promise<void> {
    await link.execute('blockdev-del', { 'node-name': name })
  }

  async function closeDrive(id: string): Promise<void> {
    const present = await listNodes()
    await removeThrottle(id, present)
    const own = [...present.keys()].filter((name) => nodesOf(id, generationOf(name)).top === name)
    own.sort((a, b) => generationOf(b) - generationOf(a))
    for (const name of own) {
      await removeNode(name)
      await removeNode(`${name}-file`)
    }
    await removeUnused(id)
  }

  /** Whether a node was there for nothing: QEMU refuses to remove what is in use. */
  async function isRemoved(name: string): Promise<boolean> {
    return await removeNode(name).then(
      () => true,
      (error: unknown) => {
        if (error instanceof QmpError) return false
        throw error
      },
    )
  }

  /** Removes the nodes of a drive that nothing uses any more, the highest first: what they stood on is free then. */
  async function removeUnused(id: string): Promise<void> {
    const own = [...(await listNodes()).keys()].filter((name) => isNodeOf(id, name))
    const rankOf = (name: string) => (name.endsWith('-file') || name.includes('-base') ? -1 : generationOf(name))
    own.sort((one, other) => rankOf(other) - rankOf(one))
    for (const name of own) await isRemoved(name)
  }

  async function removeThrottle(id: string, present: ReadonlyMap<string, string>): Promise<void> {
    if (present.has(throttleNodeOf(id))) await removeNode(throttleNodeOf(id))
    // One that is not there is as good as removed.
    await link.execute('object-del', { id: limitsIdOf(id) }).catch((error: unknown) => {
      if (!(error instanceof QmpError)) throw error
    })
  }

  async function listKeys(): Promise<string[]> {
    const objects = (await link.execute('qom-list', { path: '/objects' })) as { name: string; type: string }[]
    return objects.filter(({ type }) => type === 'child<secret>').map(({ name }) => name)
  }

  async function addKeys(keys: readonly DriveKey[]): Promise<void> {
    const present = keys.length > 0 ? await listKeys() : []
    for (const key of keys) if (!present.includes(key.id)) await link.execute('object-add', keyObject(key))
  }

  async function plugDrive(drive: DriveSpec): Promise<void> {
    const present = await listNodes()
    // What a daemon that was killed half-way through had added already.
    await discardNodes(drive.id, present)
    try {
      await addKeys(drive.keys ?? [])
      await link.execute('object-add', throttleGroup(drive))
      for (const node of blockNodes(drive)) await link.execute('blockdev-add', node)
      await link.execute('device_add', driveDevice(drive, await findSlot(link, 'disk', drive.port)))
    } catch (error) {
      await discardNodes(drive.id, await listNodes())
      throw error
    }
  }

  async function discardNodes(id: string, present: ReadonlyMap<string, string>): Promise<void> {
    await removeThrottle(id, present)
    const { top, file } = nodesOf(id, 0)
    for (const name of [top, file, baseNodeOf(id)]) if (present.has(name)) await removeNode(name)
  }

  /** The node that a drive's chain goes on with below that generation. */
  async function nodeBelow(
    id: string,
    generation: number,
    present: ReadonlyMap<string, string>,
  ): Promise<string | null> {
    for (const name of renewedBases(id, generation, present)) if (!(await isRemoved(name))) return name
    if (generation > 0) return nodesOf(id, generation - 1).top
    return present.has(baseNodeOf(id)) ? baseNodeOf(id) : null
  }

  /** Of these one at most is in use. */
  function renewedBases(id: string, generation: number, present: ReadonlyMap<string, string>): string[] {
    const prefix = renewedBaseOf(id, generation, 0).slice(0, -1)
    return [...present.keys()].filter((name) => name.startsWith(prefix))
  }

  async function renewBacking({ id, keyId, backingPath, backingKeyId }: DriveRenewal): Promise<void> {
    const { topNode } = await findDrive(id)
    const generation = generationOf(topNode)
    await removeUnused(id)
    const taken = new Set(renewedBases(id, generation, await listNodes()))
    const name = [1, 2]
      .map((number) => renewedBaseOf(id, generation, number))
      .find((candidate) => !taken.has(candidate))
    if (name === undefined) throw new Error(`the drive ${id} has more nodes than it can use`)
    await link.execute('blockdev-add', backingNode(name, backingPath, backingKeyId))
    try {
      await link.execute('blockdev-reopen', { options: [overlayNode(nodesOf(id, generation), name, keyId)] })
    } finally {
      // Of the old and the new one, what is not used.
      await removeUnused(id)
    }
  }

  async function addOverlay(
    nodes: DriveNodes,
    { overlayPath, keyId }: DriveFreeze,
    present: ReadonlyMap<string, string>,
  ): Promise<void> {
    for (const name of [nodes.top, nodes.file]) if (present.has(name)) await removeNode(name)
    await link.execute('blockdev-add', fileNode(nodes.file, overlayPath))
    await link.execute('blockdev-add', overlayNode(nodes, null, keyId))
  }

  /** What was frozen is opened for reading only: its lock is lifted, and no bit of it changes any more. */
  async function closeForWriting(
    { id, keyId }: DriveFreeze,
    generation: number,
    present: ReadonlyMap<string, string>,
  ): Promise<void> {
    const node = frozenNode(nodesOf(id, generation), await nodeBelow(id, generation, present), keyId)
    await link.execute('blockdev-reopen', { options: [node] })
  }

  async function freezeDrives(freezes: readonly DriveFreeze[]): Promise<void> {
    const present = await listNodes()
    const drives = await findDrives()
    const all = freezes.map((freeze) => {
      const { id, overlayPath } = freeze
      const drive = drives.find((candidate) => candidate.id === id)
      if (!drive) throw new DriveNotFrozen(`the machine has no drive ${id}`)
      const generation = generationOf(drive.topNode)
      const isFrozen = present.get(nodesOf(id, generation).file) === overlayPath
      return { freeze, id, isFrozen, generation: isFrozen ? generation - 1 : generation }
    })
    const due = all.filter(({ isFrozen }) => !isFrozen)
    try {
      for (const { freeze, id, generation } of due) {
        await addOverlay(nodesOf(id, generation + 1), freeze, present)
      }
      // Also with nothing left to do: a guest that a killed daemon left frozen must be thawed.
      await withQuietGuest(link, agentSocket, async () => {
        if (due.length === 0) return
        await link.execute('transaction', {
          actions: due.map(({ id, generation }) => ({
            type: 'blockdev-snapshot',
            data: { node: nodesOf(id, generation).top, overlay: nodesOf(id, generation + 1).top },
          })),
        })
      })
    } catch (error) {
      if (error instanceof QmpError) throw new DriveNotFrozen(error.message, { cause: error })
      throw error
    }
    for (const { freeze, generation } of all) await closeForWriting(freeze, generation, present)
  }

  return {
    listDrives: async () => {
      const present = await listNodes()
      const depths = await readDepths()
      return (await findDrives()).map(({ id, deviceNode, topNode }) => {
        const path = present.get(`${topNode}-file`)
        // The node that holds a drive to its limits counts as one.
        const chainLength = (depths.get(id) ?? 0) - (deviceNode === topNode ? 0 : 1)
        return { id, ...(path === undefined ? {} : { path, chainLength }) }
      })
    },
    plugDrive,
    unplugDrive: async (id) => {
      await link.execute('device_del', { id: deviceIdOf(id) })
    },
    emptyDrive: async (id) => {
      const devices = (await link.execute('query-block')) as BlockDevice[]
      const device = devices.find(({ qdev = '' }) => qdev.split('/')[3] === deviceIdOf(id))
      const size = device?.inserted?.image?.['virtual-size'] ?? 0
      const node = `${id}-void`
      await link.execute('blockdev-add', { driver: 'null-co', 'node-name': node, size, 'read-zeroes': true })
      await link.execute('qom-set', { path: `/machine/peripheral/${deviceIdOf(id)}`, property: 'drive', value: node })
    },
    closeDrive,
    growDrive: async (id, sizeBytes) => {
      const { deviceNode } = await findDrive(id)
      await link.execute('block_resize', { 'node-name': deviceNode, size: sizeBytes })
    },
    limitDrive: async (id, limits) => {
      await link.execute('qom-set', {
        path: `/objects/${limitsIdOf(id)}`,
        property: 'limits',
        value: throttleLimits(limits),
      })
    },
    keepKeys: async (keyIds) => {
      for (const id of await listKeys()) if (!keyIds.includes(id)) await link.execute('object-del', { id })
    },
    freezeDrives,
    renewBacking,
  }
}
