import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import fsExtra from 'fs-extra'
import type { Logger } from 'pino'
import { removeDirectory, writeFileAtomic } from '../../host/files.ts'
import type { Random } from '../../host/random.ts'
import type { StatePaths } from '../../host/state-paths.ts'
import { tapNameOf } from '../network-interface/network-interface.ts'
import type { DiskHost } from '../ports/disk.ts'
import type { Machine, MachineEvent, MachineHost } from '../ports/machine.ts'
import type { MachineSpec } from '../ports/machine-spec.ts'
import type { Resumption } from '../ports/machine-state.ts'
import type { Network } from '../ports/network.ts'
import type { Store } from '../ports/store.ts'
import { makeVolumeDisk } from '../volume/make-disk.ts'
import type { VolumeRecord } from '../volume/volume.ts'
import type { NetworkDriver } from '../vpc/network-driver.ts'
import type { SpareTaps } from '../vpc/spare-taps.ts'
import { drawLaunchNames, type LaunchNames, renameSpec } from './launch-names.ts'

/** Launches that differ in their names only, as far as their machines are concerned. */
export interface LaunchKind {
  readonly imageId: string
  readonly instanceType: string
  readonly vpcId: string
}

/** A launch that has gone on from a template, as the next one is likely to do. */
export interface LaunchModel {
  readonly kind: LaunchKind
  readonly templateId: string
  readonly resumption: Resumption
  readonly rootSizeBytes: number
  readonly names: LaunchNames
  readonly volume: VolumeRecord
  readonly spec: MachineSpec
}

/** A machine that is loaded and stands still, for a launch to come. */
export interface LoadedClone extends Pick<LaunchModel, 'kind' | 'templateId' | 'spec' | 'names'> {
  /** Rejects when it cannot be loaded; what there is of it is to be discarded then. */
  readonly loading: Promise<Machine>
  /** Hears of the machine. */
  hear: (event: MachineEvent) => void
}

/** Makes and removes what a clone is before an instance has it: a disk, a tap, files of a machine, and QEMU. */
export interface CloneLoader {
  /** Under names that are drawn for it. Returns at once. */
  load(model: LaunchModel, hear: (event: MachineEvent) => void): LoadedClone
  /** An instance has it from now on. */
  handOver(clone: LoadedClone): void
  /** Ends it, and leaves nothing of it but what is an instance's by now. */
  discard(clone: LoadedClone): Promise<void>
  /** Removes what an earlier daemon has left. Before machines are adopted, and after those that nobody knows have ended. */
  recover(): Promise<void>
}

export interface CloneLoaderDependencies {
  readonly store: Store
  readonly random: Random
  readonly paths: StatePaths
  readonly disks: DiskHost
  readonly machines: Pick<MachineHost, 'prepare'>
  readonly network: Pick<Network, 'commandPrefix'>
  readonly networks: Pick<NetworkDriver, 'refresh'>
  readonly spareTaps: SpareTaps
  readonly log: Logger
}

export function createCloneLoader(dependencies: CloneLoaderDependencies): CloneLoader {
  const { store, random, paths, machines, network, networks, spareTaps, log } = dependencies
  /** Of clones whose files may be there. */
  const listed = new Set<LaunchNames>()
  let writing: Promise<unknown> = Promise.resolve()

  async function make(
    { kind: { vpcId }, volume, rootSizeBytes, resumption }: LaunchModel,
    names: LaunchNames,
    spec: MachineSpec,
    hear: (event: MachineEvent) => void,
  ): Promise<Machine> {
    const tapName = tapNameOf(names.interfaceId)
    await writeList()
    spareTaps.add(vpcId, tapName)
    await networks.refresh(vpcId)
    await makeVolumeDisk(dependencies, { ...volume, id: names.rootVolumeId }, rootSizeBytes)
    const prepared = await machines.prepare(spec)
    return await prepared.start(network.commandPrefix(vpcId, [tapName]), hear, { ...resumption, isHeld: true })
  }

  /** Before anything of a clone is made, so that a crash leaves nothing that is not known. What it names too much of does no harm. */
  async function writeList(): Promise<void> {
    const write = async () => {
      const list = [...listed].map(({ instanceId, rootVolumeId }) => ({ instanceId, rootVolumeId }))
      await writeFileAtomic(paths.clonePool, JSON.stringify(list))
    }
    writing = writing.then(write, write)
    await writing
  }

  /** The machine of an instance that has not begun to run is made anew; the disk of a volume is the volume's. */
  async function removeFiles({ instanceId, rootVolumeId }: Pick<LaunchNames, 'instanceId' | 'rootVolumeId'>) {
    await removeDirectory(join(paths.machines, instanceId))
    if (!store.volumes.find(rootVolumeId)) await removeDirectory(join(paths.volumes, rootVolumeId))
  }

  return {
    load: (model, hear) => {
      const names = drawLaunchNames(random)
      const spec = renameSpec(model.spec, model.names, names)
      const { kind, templateId } = model
      listed.add(names)
      const loading = make(model, names, spec, (event) => clone.hear(event))
      const clone: LoadedClone = { kind, templateId, names, spec, hear, loading }
      return clone
    },
    handOver: ({ kind, names }) => {
      spareTaps.remove(kind.vpcId, tapNameOf(names.interfaceId))
      listed.delete(names)
    },
    discard: async (clone) => {
      const { kind, names, loading } = clone
      clone.hear = () => undefined
      const machine = await loading.catch(() => undefined)
      await machine?.kill()
      spareTaps.remove(kind.vpcId, tapNameOf(names.interfaceId))
      await removeFiles(names)
      listed.delete(names)
      // Of an instance the launch does it.
      if (store.instances.find(names.instanceId)) return
      await networks.refresh(kind.vpcId).catch((error: unknown) => {
        log.error({ vpcId: kind.vpcId, err: error }, 'network could not be refreshed')
      })
    },
    recover: async () => {
      const text = await readFile(paths.clonePool, 'utf8').catch(() => '[]')
      for (const left of JSON.parse(text) as Pick<LaunchNames, 'instanceId' | 'rootVolumeId'>[]) {
        if (!store.instances.find(left.instanceId)) await removeFiles(left)
      }
      await fsExtra.remove(paths.clonePool)
    },
  }
}
