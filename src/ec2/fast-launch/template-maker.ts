import { readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import fsExtra from 'fs-extra'
import type { Clock } from '../../host/clock.ts'
import { readMark } from '../../host/file-mark.ts'
import { ensurePrivateDirectory, syncDirectory, syncFile } from '../../host/files.ts'
import type { Random } from '../../host/random.ts'
import { diskFile, type StatePaths } from '../../host/state-paths.ts'
import { newId } from '../ids.ts'
import type { ImageRecord } from '../image/image.ts'
import { rootDeviceOf } from '../image/root-device.ts'
import type { LayerRecord } from '../layer/layer.ts'
import { tapNameOf } from '../network-interface/network-interface.ts'
import { tellOutOfSpace } from '../out-of-space.ts'
import type { DiskHost } from '../ports/disk.ts'
import type { Machine, MachineHost } from '../ports/machine.ts'
import type { MachineSpec } from '../ports/machine-spec.ts'
import type { SavedState } from '../ports/machine-state.ts'
import type { Network } from '../ports/network.ts'
import type { Store } from '../ports/store.ts'
import { backingOf } from '../volume/volume.ts'
import type { WarmState, WarmTemplateRecord } from './fast-launch.ts'
import { templateFilesOf } from './template-files.ts'
import { describeTemplateNetwork, templateInterfaceOf } from './template-network.ts'

/** Boots an image once and keeps what comes of it. */
export interface TemplateMaker {
  /**
   * Makes what a template that is recorded as `making` consists of, and records it as ready. Rejects with why that cannot be, for people;
   * `discard` is due then.
   */
  make(template: WarmTemplateRecord, spec: MachineSpec, image: ImageRecord, signal: AbortSignal): Promise<void>
  /** Ends its machine, and removes its record and all that it has on the disk; what goes on from it lives on. */
  discard(template: WarmTemplateRecord): Promise<void>
}

const bytesPerGib = 1024 ** 3
const consoleIntervalMs = 2000
/** What a server says last of all as it boots: whoever has not waited by then has no guest part, or one that does not work. */
const bootedSign = /Cloud-init v\. \S+ finished at|kiln: boot stage cloud-init/
const leastPatienceMs = 120_000

export function createTemplateMaker(dependencies: {
  store: Store
  clock: Clock
  random: Random
  paths: StatePaths
  disks: DiskHost
  machines: Pick<MachineHost, 'prepare'>
  network: Network
  seal: (layerId: string) => void
  /** LayerMaker.discard. */
  discardLayer: (layerId: string) => Promise<void>
  /** Nothing may name a layer any more. */
  collectLayers: () => Promise<void>
  timeoutMs: number
}): TemplateMaker {
  const { store, clock, random, paths, disks, machines, network } = dependencies
  const running = new Map<string, Machine>()

  async function boot(template: WarmTemplateRecord, spec: MachineSpec, image: ImageRecord): Promise<Machine> {
    const files = templateFilesOf(paths, template.id)
    await fsExtra.remove(files.directory)
    await ensurePrivateDirectory(paths.templates)
    await ensurePrivateDirectory(files.directory)
    await disks.createVolumeDisk({
      path: files.disk,
      ...backingOf({ store, paths }, { layerId: template.baseLayerId }),
      sizeBytes: (rootDeviceOf(image)?.volumeSizeGib ?? 1) * bytesPerGib,
    })
    await network.converge(describeTemplateNetwork(template))
    const tap = tapNameOf(templateInterfaceOf(template))
    const prepared = await machines.prepare(spec)
    const machine = await prepared.start(network.commandPrefix(template.networkId, [tap]), () => undefined)
    running.set(template.id, machine)
    return machine
  }

  /** Resolves when the guest waits to be frozen. */
  async function waitForGuest(machine: Machine, template: WarmTemplateRecord, signal: AbortSignal): Promise<void> {
    const limit = new AbortController()
    const watching = AbortSignal.any([signal, limit.signal, AbortSignal.timeout(dependencies.timeoutMs)])
    // Broken off with the rest, it rejects, and nobody is concerned.
    abortWhenBooted(template, watching, limit).catch(() => undefined)
    try {
      const said = await machine.waitForTemplate(watching)
      const [depth] = said.split(' ')
      if (depth !== template.depth) throw new Error(`its guest waits as "${depth}" and not as "${template.depth}"`)
    } catch (error) {
      if (signal.aborted) throw error
      if (limit.signal.aborted) {
        const advice = 'it has no guest part for warm templates (kiln image prepare makes an image that has)'
        throw new Error(`${template.imageId} boots and does not wait to become a template: ${advice}`, { cause: error })
      }
      if (watching.aborted) {
        const seconds = dependencies.timeoutMs / 1000
        throw new Error(`${template.imageId} had not booted after ${seconds} s`, { cause: error })
      }
      throw error
    } finally {
      limit.abort()
    }
  }

  /** When the guest has long booted as if it were any server nothing more is to be waited for. */
  async function abortWhenBooted(
    template: WarmTemplateRecord,
    signal: AbortSignal,
    limit: AbortController,
  ): Promise<void> {
    const { console: path } = templateFilesOf(paths, template.id)
    const startedMs = clock.monotonicMs()
    while (!bootedSign.test(await readFile(path, 'latin1').catch(() => '')))
      await clock.sleep(consoleIntervalMs, signal)
    // A guest part has work to do after that, and takes longer on a host where everything does.
    await clock.sleep(Math.max(leastPatienceMs, clock.monotonicMs() - startedMs), signal)
    limit.abort()
  }

  async function freeze(machine: Machine, template: WarmTemplateRecord): Promise<SavedState> {
    const devices = await machine.saveTemplate(templateFilesOf(paths, template.id).devices)
    await machine.quit()
    running.delete(template.id)
    return devices
  }

  /** What is left to be done with the files of one that is frozen takes as long as the processors and the disk do, and is done side by side. */
  async function secure(
    template: WarmTemplateRecord,
    image: ImageRecord,
    signal: AbortSignal,
  ): Promise<{ readonly sha256: string; readonly layer: LayerRecord }> {
    const files = templateFilesOf(paths, template.id)
    const [written, sha256, layer] = await Promise.allSettled([
      syncFile(files.memory),
      disks.digest(files.memory, 'sha256', signal),
      makeLayer(template, image),
    ])
    if (written.status === 'fulfilled' && sha256.status === 'fulfilled' && layer.status === 'fulfilled') {
      await syncDirectory(files.directory)
      return { sha256: sha256.value, layer: layer.value }
    }
    if (layer.status === 'fulfilled') await dependencies.discardLayer(layer.value.id)
    throw [written, sha256, layer].find((part) => part.status === 'rejected')?.reason
  }

  /** Recorded before the disk is one: what a crash leaves of it, the next start removes. Leaves nothing when it rejects. */
  async function makeLayer({ id, baseLayerId }: WarmTemplateRecord, image: ImageRecord): Promise<LayerRecord> {
    const pending: LayerRecord = {
      accountId: image.accountId,
      region: image.region,
      id: newId('layer', random),
      state: 'pending',
      parentId: baseLayerId,
      createdAt: clock.now().toISOString(),
    }
    store.transaction(() => store.layers.insert(pending))
    const directory = join(paths.layers, pending.id)
    try {
      await ensurePrivateDirectory(directory)
      await rename(templateFilesOf(paths, id).disk, join(directory, diskFile.disk))
      const { fileSizeBytes, virtualSizeBytes } = await disks.secureLayer(directory)
      return { ...pending, state: 'frozen', fileSizeBytes, virtualSizeBytes }
    } catch (error) {
      await dependencies.discardLayer(pending.id)
      throw error
    }
  }

  async function make(
    template: WarmTemplateRecord,
    spec: MachineSpec,
    image: ImageRecord,
    signal: AbortSignal,
  ): Promise<void> {
    const files = templateFilesOf(paths, template.id)
    const startedMs = clock.monotonicMs()
    const machine = await boot(template, spec, image)
    await waitForGuest(machine, template, signal)
    const devices = await freeze(machine, template)
    const { sha256, layer } = await secure(template, image, signal)
    const warm: WarmState = {
      layerId: layer.id,
      devices,
      memory: { sizeBytes: spec.memoryMib * 1024 ** 2, sha256, mark: (await readMark(files.memory)) ?? '' },
      madeInSeconds: Math.round(clock.monotonicMs() - startedMs) / 1000,
      useCount: 0,
    }
    store.transaction(() => {
      store.layers.replace(layer)
      store.warmTemplates.replace({ ...template, state: 'ready', warm })
    })
    dependencies.seal(layer.id)
    await clearSource(template)
  }

  /** Ends the source's machine, if there is one, and removes the directory and the network of its own. */
  async function clearSource({ id, networkId }: WarmTemplateRecord): Promise<void> {
    await running.get(id)?.kill()
    running.delete(id)
    await network.remove(networkId)
    await fsExtra.remove(join(paths.machines, id))
  }

  return {
    make: async (template, spec, image, signal) =>
      await tellOutOfSpace('making a warm template', paths.templates, () => make(template, spec, image, signal)),
    discard: async (template) => {
      // The record first: whoever looks for one finds none, and what a crash leaves is removed with what nobody names.
      store.transaction(() => store.warmTemplates.remove(template.id))
      await clearSource(template)
      await fsExtra.remove(templateFilesOf(paths, template.id).directory)
      await dependencies.collectLayers()
    },
  }
}
