import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import fsExtra from 'fs-extra'
import pino from 'pino'
import { onTestFinished } from 'vitest'
import { createDiskHost } from '../../../src/disk/disk-host.ts'
import { createKeyring } from '../../../src/disk/keyring.ts'
import { createDescriptionWriter } from '../../../src/ec2/description/description-writer.ts'
import { createEventBus } from '../../../src/ec2/event/event-bus.ts'
import { newId } from '../../../src/ec2/ids.ts'
import type { ImageRecord } from '../../../src/ec2/image/image.ts'
import type { Progress, WorkOptions } from '../../../src/ec2/ports/work.ts'
import type { Store } from '../../../src/ec2/ports/store.ts'
import { type Quotas, quotaNames } from '../../../src/ec2/quota.ts'
import { isPlainHost, type RegistryPolicy } from '../../../src/ec2/registry/registry-policy.ts'
import { type Community, createCommunity } from '../../../src/ec2/registry/community.ts'
import { createRegistryWork, type RegistryWork } from '../../../src/ec2/registry/registry-work.ts'
import { layerPathOf } from '../../../src/ec2/volume/volume.ts'
import { systemClock as clock } from '../../../src/host/clock.ts'
import { createProcessHost } from '../../../src/host/process.ts'
import { systemRandom as random } from '../../../src/host/random.ts'
import { type StatePaths, statePathsOf } from '../../../src/host/state-paths.ts'
import { createRegistryHost } from '../../../src/oci/registry-host.ts'
import { openStore } from '../../../src/store/store.ts'

export const mib = 1024 ** 2
export const scope = { accountId: '123456789012', region: 'us-east-1' }

/** The part of a Kiln that has to do with registries, over real files and a real database. */
export interface RegistryBench {
  readonly store: Store
  readonly paths: StatePaths
  readonly work: RegistryWork
  readonly community: Community
  /** An image of one disk of `virtualMib` with random bytes in it, over the layer of another image or over nothing. */
  makeImage(name: string, disk: { randomMib: number; over?: string }): Promise<ImageRecord>
  findImage(id: string | undefined): ImageRecord
  /** The layer of an image's only device. */
  layerOf(imageId: string): string
  /** SHA-256 of what a guest would read. */
  contentOf(imageId: string): Promise<string>
  /** Everything in `layers`, and what is kept of downloads. */
  leftovers(): Promise<{ layers: string[]; records: number; images: number }>
}

/** `place` is that of the community registry. */
export async function openRegistryBench({
  policies = [] as readonly RegistryPolicy[],
  place = '',
} = {}): Promise<RegistryBench> {
  const root = await mkdtemp(join(tmpdir(), 'kiln-oci-'))
  onTestFinished(() => rm(root, { recursive: true }))
  const paths = statePathsOf(root)
  for (const directory of [paths.layers, paths.images]) await fsExtra.ensureDir(directory)
  const store = openStore(paths.database)
  const log = pino({ level: 'silent' })
  const disks = createDiskHost({
    processes: createProcessHost(),
    clock,
    random,
    keyring: createKeyring(paths.keyring, random),
    downloadsDirectory: paths.downloads,
    maximumVirtualBytes: 256 * mib,
    reservedBytes: mib,
  })
  const registry = createRegistryHost({
    clock,
    loginsPath: paths.registryLogins,
    dockerPath: join(root, 'docker.json'),
    uploadsDirectory: paths.uploads,
    isPlain: (host) => isPlainHost(policies, host),
  })
  const quotas = Object.fromEntries(quotaNames.map((name) => [name, 1000])) as Quotas
  const events = createEventBus({ store, clock })
  const descriptions = createDescriptionWriter({ store, paths, log })
  const work = createRegistryWork({
    ...{ store, paths, disks, registry, clock, random, events, descriptions, quotas, policies },
  })

  function findImage(id: string | undefined): ImageRecord {
    const image = store.images.find(id ?? '')
    if (!image) throw new Error(`there is no image ${id}`)
    return image
  }
  function layerOf(imageId: string): string {
    const [device] = findImage(imageId).blockDevices
    const layerId = store.snapshots.find(device?.snapshotId ?? '')?.layerId
    if (layerId === undefined) throw new Error(`${imageId} has no layer`)
    return layerId
  }

  return {
    store,
    paths,
    work,
    community: createCommunity({ store, registry, registryWork: work, policies, place }),
    findImage,
    layerOf,
    makeImage: async (name, { randomMib, over }) => {
      const id = `layer-${name}`
      const virtualMib = randomMib > 16 ? 64 : 16
      const path = layerPathOf(paths, id)
      const parentId = over === undefined ? undefined : layerOf(over)
      await fsExtra.ensureDir(join(paths.layers, id))
      const backing = parentId === undefined ? [] : ['-b', layerPathOf(paths, parentId), '-F', 'qcow2']
      await execa('qemu-img', ['create', '-qf', 'qcow2', '-o', 'compat=1.1', ...backing, path, `${virtualMib}M`])
      const bytes = join(root, 'random')
      await execa('dd', ['if=/dev/urandom', `of=${bytes}`, 'bs=1M', `count=${randomMib}`, 'status=none'])
      const start = parentId === undefined ? 0 : virtualMib / 2
      await execa('qemu-io', ['-f', 'qcow2', '-c', `write -q -s ${bytes} ${start}M ${randomMib}M`, path])
      const { size: fileSizeBytes } = await fsExtra.stat(path)
      const createdAt = clock.now().toISOString()
      return store.transaction(() => {
        store.layers.insert({
          ...{ ...scope, id, state: 'available', createdAt, fileSizeBytes, virtualSizeBytes: virtualMib * mib },
          ...(parentId === undefined ? {} : { parentId }),
        })
        store.snapshots.insert({
          ...{ ...scope, id: `snap-${name}`, layerId: id, state: 'completed', startTime: createdAt, volumeSizeGib: 1 },
          ...{ description: '', volumeId: 'vol-ffffffff' },
        })
        const device = { deviceName: '/dev/xvda', snapshotId: `snap-${name}`, volumeSizeGib: 1, volumeType: 'gp3' }
        const image: ImageRecord = {
          ...{
            ...scope,
            id: newId('ami', random),
            name,
            architecture: 'x86_64',
            state: 'available',
            creationDate: createdAt,
          },
          ...{ imageLocation: name, rootDeviceName: '/dev/xvda', bootMode: 'legacy-bios', enaSupport: true },
          blockDevices: [{ ...device, deleteOnTermination: true }],
          loginUser: 'ec2-user',
        }
        store.images.insert(image)
        store.tags.put(scope, image.id, 'image', [{ key: 'role', value: 'web' }])
        return image
      })
    },
    contentOf: async (imageId) => {
      const raw = join(root, 'content.raw')
      await execa('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', layerPathOf(paths, layerOf(imageId)), raw])
      return createHash('sha256')
        .update(await readFile(raw))
        .digest('hex')
    },
    leftovers: async () => ({
      layers: await readdir(paths.layers),
      records: store.layers.listAll().length,
      images: store.images.listAll().length,
    }),
  }
}

/** Work that nobody cancels unless told to. */
export function job(onProgress: (progress: Progress) => void = () => undefined): WorkOptions & { cancel(): void } {
  const abort = new AbortController()
  return { signal: abort.signal, onProgress, cancel: () => abort.abort() }
}
