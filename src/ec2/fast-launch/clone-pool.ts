import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../../host/clock.ts'
import { coalesceByKey } from '../../host/coalesce.ts'
import type { Domain } from '../domain.ts'
import { countFitting } from '../instance/capacity.ts'
import type { InstanceRecord } from '../instance/instance.ts'
import { listLiveInstances } from '../instance/live-instances.ts'
import type { Machine, MachineEvent, PreparedMachine } from '../ports/machine.ts'
import type { MachineSpec } from '../ports/machine-spec.ts'
import type { Network } from '../ports/network.ts'
import { findRootVolume } from '../root-volume-task/root-volume-task.ts'
import {
  type CloneLoaderDependencies,
  createCloneLoader,
  type LaunchKind,
  type LaunchModel,
  type LoadedClone,
} from './clone-loader.ts'
import type { Clone } from './cloner.ts'
import { type LaunchNames, readLaunchNames } from './launch-names.ts'

/** The names of a machine that waits, and the template that it goes on from. */
export interface PooledNames extends LaunchNames {
  readonly templateId: string
}

/**
 * Clones that are loaded and stand still, under names that the next launches of their kind are given: these have only to be told who they are.
 * Nothing of them is recorded but their files; what a crash leaves of them the next daemon removes.
 */
export interface ClonePool {
  /**
   * The names of a clone that waits for a launch of that kind, or is being loaded: to wait for it takes less than to load another one beside it. They
   * are taken as soon as an instance is recorded that has them.
   */
  take(kind: LaunchKind): PooledNames | undefined
  /** The ids of the launches to come whose machines go on from that template. */
  waiting(templateId: string): string[]
  /** Whether the files of a machine are those of a clone here. */
  has(instanceId: string): boolean
  /**
   * The machine that waits for an instance, as one whose directory, disk and devices are ready: to start it is to let it go on. Undefined where none
   * does; one that is not just what the instance is to have by now, ends. `wanted` absent: the instance has no use for it.
   */
  claim(
    instanceId: string,
    wanted?: { readonly templateId: string; readonly spec: MachineSpec },
  ): Promise<PreparedMachine | undefined>
  /** An instance has gone on from its template: further ones like it are loaded once nothing is being launched. Returns at once. */
  replenish(record: InstanceRecord, spec: MachineSpec, clone: Clone): void
  /** Removes what an earlier daemon has left. Before machines are adopted. */
  recover(): Promise<void>
  /** Ends all that wait; no more are loaded. What an instance has the names of is the launch's, or the next daemon's. */
  close(): Promise<void>
}

export interface ClonePoolDependencies extends CloneLoaderDependencies {
  readonly clock: Clock
  readonly network: Pick<Network, 'commandPrefix' | 'isInside'>
  readonly instanceTypes: Domain['instanceTypes']
  readonly settings: Domain['settings']
  /** Of all kinds together. */
  readonly maximum: number
}

/** A clone from when it is begun until an instance has it or nothing is left of it. */
interface Entry {
  readonly clone: LoadedClone
  /** It waits no more. */
  readonly over: AbortController
  /** Once it is loaded. */
  machine?: Machine
  /** It is ending; done when nothing is left of it. */
  ended?: Promise<void>
}

const watchMs = 5000
/** Shorter than a namespace without machines is kept. */
const idleMs = 45_000
const quietMs = 250

export function createClonePool(dependencies: ClonePoolDependencies): ClonePool {
  const { store, clock, network, log } = dependencies
  const loader = createCloneLoader(dependencies)
  const entries = new Set<Entry>()
  const models = new Map<string, LaunchModel>()
  const ending = new AbortController()
  let lastFilling: Promise<void> = Promise.resolve()

  /** One machine after the other, whatever their kinds: they are to be in nobody's way. */
  const fill = coalesceByKey(async (key) => {
    const filling = fillAfter(lastFilling, key)
    lastFilling = filling.catch(() => undefined)
    await filling
  })

  async function fillAfter(previous: Promise<void>, key: string): Promise<void> {
    await previous
    for (let model = await findWanted(key); model; model = await findWanted(key)) await load(model)
  }

  /** What one more of that kind is to be like. Undefined when none is to be loaded now. */
  async function findWanted(key: string): Promise<LaunchModel | undefined> {
    await waitForQuiet()
    const model = models.get(key)
    if (!model || ending.signal.aborted) return undefined
    const { kind, templateId } = model
    if (!isTemplateReady(templateId) || !store.vpcs.find(kind.vpcId)) {
      models.delete(key)
      return undefined
    }
    const target = store.fastLaunches.find(kind.imageId)?.targetResourceCount ?? 1
    if (listWaiting(key).length >= Math.min(target, dependencies.maximum)) return undefined
    if (!hasRoom(kind) || !hasMachines(kind.vpcId)) return undefined
    await makeRoom(key)
    return model
  }

  /** Launches go first. */
  async function waitForQuiet(): Promise<void> {
    do await clock.sleep(quietMs, ending.signal).catch(() => undefined)
    while (!ending.signal.aborted && store.instances.listBy('state', 'pending').length > 0)
  }

  /** The longest that has waited goes for one of another kind. */
  async function makeRoom(key: string): Promise<void> {
    const waiting = listWaiting()
    const oldest = waiting.find(({ clone }) => keyOf(clone.kind) !== key)
    if (waiting.length >= dependencies.maximum && oldest) await end(oldest)
  }

  async function load(model: LaunchModel): Promise<void> {
    // What is begun from now on, nobody would end.
    if (ending.signal.aborted) return
    const clone = loader.load(model, (event) => {
      if (event.kind === 'ended') endSoon(entry)
    })
    const entry: Entry = { clone, over: new AbortController() }
    entries.add(entry)
    try {
      entry.machine = await clone.loading
    } catch (error) {
      await end(entry)
      throw error
    }
    watch(entry).catch((error: unknown) => log.error({ err: error }, 'a loaded clone is no longer watched'))
  }

  /** Ends it when nobody is likely to ask for it any more, or could have it. */
  async function watch(entry: Entry): Promise<void> {
    const { kind, templateId } = entry.clone
    let neededMs = clock.monotonicMs()
    for (;;) {
      await clock.sleep(watchMs, entry.over.signal).catch(() => undefined)
      if (entry.over.signal.aborted) return
      if (isTaken(entry)) continue
      if (hasMachines(kind.vpcId)) neededMs = clock.monotonicMs()
      const isIdle = clock.monotonicMs() - neededMs > idleMs || !store.vpcs.find(kind.vpcId)
      if (isIdle || !isTemplateReady(templateId) || !hasRoom(kind)) await end(entry)
    }
  }

  function endSoon(entry: Entry): void {
    end(entry).catch((error: unknown) => log.error({ err: error }, 'a loaded clone could not be ended'))
  }

  /** Until nothing is left of it whoever asks for it finds it, and waits. */
  async function end(entry: Entry): Promise<void> {
    entry.over.abort()
    entry.ended ??= loader.discard(entry.clone).finally(() => entries.delete(entry))
    await entry.ended
  }

  /** It is the instance's from when it goes on: a launch that fails before leaves it here. */
  async function goOn(entry: Entry, machine: Machine, onEvent: (event: MachineEvent) => void): Promise<Machine> {
    const { clone } = entry
    if (entry.ended) {
      await entry.ended
      throw new Error('the machine that was loaded ahead has ended')
    }
    entries.delete(entry)
    entry.over.abort()
    loader.handOver(clone)
    clone.hear = onEvent
    try {
      await machine.resume()
    } catch (error) {
      await machine.kill()
      throw error
    }
    return { ...machine, executedAt: clock.now() }
  }

  async function isFitting(
    { clone }: Entry,
    machine: Machine,
    wanted: { readonly templateId: string; readonly spec: MachineSpec },
  ): Promise<boolean> {
    if (wanted.templateId !== clone.templateId || !isDeepStrictEqual(wanted.spec, clone.spec)) return false
    return await network.isInside(clone.kind.vpcId, machine.pid)
  }

  /** Those of a kind, or all that no instance has the names of, the longest that has waited first. */
  function listWaiting(key?: string): Entry[] {
    return [...entries].filter(
      (entry) => !entry.ended && !isTaken(entry) && (key === undefined || keyOf(entry.clone.kind) === key),
    )
  }

  /** By the records: what a transaction has not kept was never taken. */
  function isTaken({ clone }: Entry): boolean {
    return store.instances.find(clone.names.instanceId) !== undefined
  }

  function isTemplateReady(templateId: string): boolean {
    return store.warmTemplates.find(templateId)?.state === 'ready'
  }

  function hasMachines(vpcId: string): boolean {
    return listLiveInstances(store).some((record) => record.vpcId === vpcId)
  }

  function hasRoom({ instanceType }: LaunchKind): boolean {
    return countFitting(dependencies, dependencies.instanceTypes.get(instanceType)) > 0
  }

  return {
    take: (kind) => {
      const found = listWaiting(keyOf(kind)).find(({ clone }) => isTemplateReady(clone.templateId))
      return found && { ...found.clone.names, templateId: found.clone.templateId }
    },
    waiting: (templateId) =>
      listWaiting()
        .filter(({ machine, clone }) => machine && clone.templateId === templateId)
        .map(({ clone }) => clone.names.instanceId),
    has: (instanceId) => [...entries].some(({ clone }) => clone.names.instanceId === instanceId),
    claim: async (instanceId, wanted) => {
      const entry = [...entries].find(({ clone }) => clone.names.instanceId === instanceId)
      if (!entry) return undefined
      const machine = entry.machine ?? (wanted && (await entry.clone.loading.catch(() => undefined)))
      // It may end while it is looked at.
      if (machine && wanted && (await isFitting(entry, machine, wanted)) && !entry.ended) {
        return { start: async (_prefix, onEvent) => await goOn(entry, machine, onEvent) }
      }
      await end(entry)
      return undefined
    },
    replenish: (record, spec, { template, resumption, rootSizeBytes }) => {
      const names = readLaunchNames(store, record)
      const volume = findRootVolume(store, record)
      if (!names || !volume || dependencies.maximum === 0) return
      const { imageId, instanceType, vpcId } = record
      const kind = { imageId, instanceType, vpcId }
      models.set(keyOf(kind), { kind, templateId: template.id, resumption, rootSizeBytes, names, volume, spec })
      fill(keyOf(kind)).catch((error: unknown) => {
        if (!ending.signal.aborted) log.warn({ err: error, ...kind }, 'no clone could be loaded for the next launch')
      })
    },
    recover: async () => await loader.recover(),
    close: async () => {
      ending.abort()
      await Promise.all([...entries].filter((entry) => !isTaken(entry)).map(end))
      await loader.recover()
    },
  }
}

function keyOf({ imageId, instanceType, vpcId }: LaunchKind): string {
  return `${imageId} ${instanceType} ${vpcId}`
}
