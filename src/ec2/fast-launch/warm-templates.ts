import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import fsExtra from 'fs-extra'
import type { Logger } from 'pino'
import type { Clock } from '../../host/clock.ts'
import { coalesceByKey } from '../../host/coalesce.ts'
import type { Random } from '../../host/random.ts'
import type { StatePaths } from '../../host/state-paths.ts'
import type { EventBus } from '../event/event-bus.ts'
import { newId } from '../ids.ts'
import type { ImageRecord } from '../image/image.ts'
import { rootSnapshotOf } from '../image/root-device.ts'
import { countFitting } from '../instance/capacity.ts'
import type { Domain } from '../domain.ts'
import { newMacAddress } from '../network-interface/mac-address.ts'
import type { DiskHost } from '../ports/disk.ts'
import type { AcceleratorVerdict, Architecture } from '../ports/accelerator.ts'
import type { MachineHost } from '../ports/machine.ts'
import type { MachineSpec } from '../ports/machine-spec.ts'
import type { Store } from '../ports/store.ts'
import type { FastLaunchRecord, FastLaunchState, WarmTemplateRecord } from './fast-launch.ts'
import { tellFastLaunch } from './fast-launch-event.ts'
import { createTemplateCheck } from './template-check.ts'
import type { TemplateMaker } from './template-maker.ts'
import { describeSource } from './template-spec.ts'

/** Keeps the templates of images that have Fast Launch: makes what is wanted and missing, drops what nobody wants any more or what is too much. */
export interface WarmTemplates {
  /** Fast Launch of an image was turned on, off or changed, or the image is gone. Returns at once. */
  wake(imageId: string): void
  /** Goes on with what an earlier daemon has left. To be called before machines are adopted: none of those that are here is one. */
  resume(): Promise<void>
  /** A template of that shape that is whole; its use is recorded. Undefined where there is none, and then one is made for the next launch. */
  take(
    image: ImageRecord,
    instanceType: string,
    shapeOf: () => Promise<string>,
  ): Promise<WarmTemplateRecord | undefined>
  /** A machine could not go on from it: it is dropped, and made anew. */
  distrust(template: WarmTemplateRecord, why: string): void
  /** Nothing more is begun, and what is being made is given up. */
  close(): Promise<void>
}

export interface WarmTemplatesDependencies {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly paths: StatePaths
  readonly disks: Pick<DiskHost, 'digest'>
  readonly machines: Pick<MachineHost, 'templateShapeOf'>
  readonly maker: TemplateMaker
  readonly instanceTypes: Domain['instanceTypes']
  readonly settings: Domain['settings']
  readonly chooseAccelerator: (architecture: Architecture) => Promise<AcceleratorVerdict>
  readonly machineTypeOf: (architecture: Architecture) => string
  readonly events: EventBus
  readonly log: Logger
  /** What the memory of all templates may come to, in bytes. */
  readonly maximumBytes: number
}

const roomIntervalMs = 5000

export function createWarmTemplates(dependencies: WarmTemplatesDependencies): WarmTemplates {
  const { store, clock, random, paths, maker, machines, instanceTypes, events, log } = dependencies
  const isWhole = createTemplateCheck(dependencies)
  const ending = new AbortController()
  /** By image: breaks off what is being made for it. */
  const makings = new Map<string, AbortController>()
  /** Boots are heavy: one template is made after the other. */
  let lastMaking: Promise<unknown> = Promise.resolve()

  const settle = coalesceByKey(async (imageId) => {
    const record = store.fastLaunches.find(imageId)
    const image = store.images.find(imageId)
    if (!record || !image || !isWanted(imageId)) return await dropAll(imageId)
    if (image.state !== 'available') return
    try {
      for (const instanceType of record.instanceTypes) await ensure(record, image, instanceType)
      changeState(record, 'enabled', 'Client.UserInitiated')
    } catch (error) {
      if (ending.signal.aborted || !isWanted(imageId)) return
      const why = error instanceof Error ? error.message : String(error)
      log.warn({ imageId, err: error }, 'no warm template could be made')
      const hasOne = store.warmTemplates.listBy('imageId', imageId).some(({ state }) => state === 'ready')
      changeState(record, hasOne ? 'enabled-failed' : 'enabling-failed', why)
    }
  })

  function isWanted(imageId: string): boolean {
    const record = store.fastLaunches.find(imageId)
    return record !== undefined && record.state !== 'disabling' && store.images.find(imageId) !== undefined
  }

  function wake(imageId: string): void {
    if (!isWanted(imageId)) makings.get(imageId)?.abort()
    settle(imageId).catch((error: unknown) => {
      if (!ending.signal.aborted) log.error({ imageId, err: error }, 'Fast Launch of an image could not be settled')
    })
  }

  /** Not where something else was asked for meanwhile: the next turn is about that. */
  function changeState(asked: FastLaunchRecord, state: FastLaunchState, stateReason: string): void {
    const changed = store.transaction(() => {
      const present = store.fastLaunches.find(asked.id)
      if (present?.state !== asked.state || present.stateTime !== asked.stateTime) return undefined
      if (present.state === state && present.stateReason === stateReason) return undefined
      store.fastLaunches.replace({ ...present, state, stateReason, stateTime: clock.now().toISOString() })
      return present
    })
    if (changed && changed.state !== state) tellFastLaunch(events, changed, state, stateReason)
  }

  async function dropAll(imageId: string): Promise<void> {
    for (const template of store.warmTemplates.listBy('imageId', imageId)) await maker.discard(template)
    const record = store.fastLaunches.find(imageId)
    if (!record) return
    store.transaction(() => store.fastLaunches.remove(imageId))
    tellFastLaunch(events, record, 'disabled')
  }

  /** One of the shape that the host, QEMU and the image make today. */
  async function ensure(record: FastLaunchRecord, image: ImageRecord, instanceType: string): Promise<void> {
    const { template, spec } = await plan(record, image, instanceType)
    for (const present of listOf(image.id, instanceType)) {
      const isFitting =
        present.state === 'ready' &&
        present.shape === template.shape &&
        present.baseLayerId === template.baseLayerId &&
        present.depth === record.depth
      if (isFitting && (await isWhole(present))) return
      await maker.discard(present)
    }
    const making = lastMaking.then(async () => await make(template, spec, image))
    lastMaking = making.catch(() => undefined)
    await making
  }

  async function plan(
    { depth }: FastLaunchRecord,
    image: ImageRecord,
    instanceType: string,
  ): Promise<{ template: WarmTemplateRecord; spec: MachineSpec }> {
    const verdict = await dependencies.chooseAccelerator(image.architecture)
    const unshaped: Omit<WarmTemplateRecord, 'shape'> = {
      accountId: image.accountId,
      region: image.region,
      id: newId('tpl', random),
      state: 'making',
      ...{ imageId: image.id, instanceType, depth },
      baseLayerId: rootSnapshotOf(store, image)?.layerId ?? '',
      macAddress: newMacAddress(random),
      // As of an instance: cloud-init chooses its datasource by it.
      uuid: `ec2${random.uuid().slice(3)}`,
      networkId: newId('vpc', random),
      createdAt: clock.now().toISOString(),
    }
    const spec = describeSource(dependencies, unshaped, {
      architecture: image.architecture,
      verdict,
      machineType: dependencies.machineTypeOf(image.architecture),
      type: instanceTypes.get(instanceType),
    })
    return { template: { ...unshaped, shape: await machines.templateShapeOf(spec) }, spec }
  }

  async function make(template: WarmTemplateRecord, spec: MachineSpec, image: ImageRecord): Promise<void> {
    if (!isWanted(image.id)) return
    const unwanted = new AbortController()
    makings.set(image.id, unwanted)
    const signal = AbortSignal.any([ending.signal, unwanted.signal])
    try {
      signal.throwIfAborted()
      await makeRoom(spec.memoryMib * 1024 ** 2)
      await waitForCapacity(template.instanceType, signal)
      store.transaction(() => store.warmTemplates.insert(template))
      await maker.make(template, spec, image, signal)
      const { id: templateId, imageId, instanceType } = template
      log.info({ templateId, imageId, instanceType }, 'warm template made')
    } catch (error) {
      if (store.warmTemplates.find(template.id)) await maker.discard(template)
      throw error
    } finally {
      makings.delete(image.id)
    }
  }

  /** A template's source takes as much of the host as a server of its type, and waits until the host has that left. */
  async function waitForCapacity(instanceType: string, signal: AbortSignal): Promise<void> {
    while (countFitting(dependencies, instanceTypes.get(instanceType)) < 1) {
      await clock.sleep(roomIntervalMs, signal)
    }
  }

  /** Drops what was used least recently, until there is room for one more. */
  async function makeRoom(bytes: number): Promise<void> {
    const ready = store.warmTemplates.listAll().filter(({ state }) => state === 'ready')
    const byUse = ready.toSorted((one, other) => lastUseOf(one).localeCompare(lastUseOf(other)))
    let sum = ready.reduce((total, { warm }) => total + (warm?.memory.sizeBytes ?? 0), bytes)
    for (const template of byUse) {
      if (sum <= dependencies.maximumBytes) return
      sum -= template.warm?.memory.sizeBytes ?? 0
      forgetType(template)
      await maker.discard(template)
      log.info({ templateId: template.id }, 'warm template dropped: it was used least recently, and there is no room')
    }
    if (sum > dependencies.maximumBytes) {
      throw new Error('its memory is larger than all templates may have together (fastLaunch.maximumMib)')
    }
  }

  /** It is not made again before somebody launches that type, or warms it. */
  function forgetType({ imageId, instanceType }: WarmTemplateRecord): void {
    store.transaction(() => {
      const present = store.fastLaunches.find(imageId)
      if (!present) return
      const instanceTypes = present.instanceTypes.filter((name) => name !== instanceType)
      store.fastLaunches.replace({ ...present, instanceTypes })
    })
  }

  function listOf(imageId: string, instanceType: string): WarmTemplateRecord[] {
    return store.warmTemplates.listBy('imageId', imageId).filter((template) => template.instanceType === instanceType)
  }

  return {
    wake,
    resume: async () => {
      for (const template of store.warmTemplates.listBy('state', 'making')) await maker.discard(template)
      const known = new Set(store.warmTemplates.listIds())
      const names = await fsExtra.readdir(paths.templates).catch(() => [])
      for (const name of names) {
        if (!known.has(name)) await rm(join(paths.templates, name), { recursive: true, force: true })
      }
      for (const id of store.fastLaunches.listIds()) wake(id)
    },
    take: async (image, instanceType, shapeOf) => {
      const record = store.fastLaunches.find(image.id)
      if (!record || record.state === 'disabling') return undefined
      const shape = await shapeOf()
      const [fitting] = listOf(image.id, instanceType).filter(
        (template) =>
          template.state === 'ready' &&
          template.shape === shape &&
          template.baseLayerId === rootSnapshotOf(store, image)?.layerId,
      )
      if (fitting && (await isWhole(fitting))) return recordUse(fitting)
      const isNew = !record.instanceTypes.includes(instanceType)
      if (isNew) {
        store.transaction(() =>
          store.fastLaunches.replace({ ...record, instanceTypes: [...record.instanceTypes, instanceType] }),
        )
      }
      // What has failed does not fail again with each launch: whoever mends it says so by warming the image again.
      if (isNew || !record.state.endsWith('failed')) wake(image.id)
      return undefined
    },
    distrust: (template, why) => {
      log.warn({ templateId: template.id, why }, 'warm template is of no use and is made anew')
      maker.discard(template).then(
        () => wake(template.imageId),
        (error: unknown) => log.error({ templateId: template.id, err: error }, 'warm template could not be dropped'),
      )
    },
    close: async () => {
      ending.abort()
      await lastMaking
    },
  }

  function recordUse(template: WarmTemplateRecord): WarmTemplateRecord {
    return store.transaction(() => {
      const { warm } = template
      if (!warm) return template
      const used = { ...warm, useCount: warm.useCount + 1, usedAt: clock.now().toISOString() }
      store.warmTemplates.replace({ ...template, warm: used })
      return template
    })
  }
}

function lastUseOf({ createdAt, warm }: WarmTemplateRecord): string {
  return warm?.usedAt ?? createdAt
}
