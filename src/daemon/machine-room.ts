import { createBootWatcher } from '../ec2/instance/boot-watcher.ts'
import { isAutoEnabled } from '../ec2/volume/volume-attribute.ts'
import { createDiskPause } from '../ec2/instance/disk-pause.ts'
import { createInstanceDriver, type InstanceDriver } from '../ec2/instance/driver.ts'
import { createDrivePlugging } from '../ec2/instance/drive-plugging.ts'
import { createInstanceDisks } from '../ec2/instance/instance-disks.ts'
import { createInstanceRelease } from '../ec2/instance/instance-release.ts'
import { createInterfacePlugging } from '../ec2/instance/interface-plugging.ts'
import { createMachineLauncher } from '../ec2/instance/launcher.ts'
import { createMachinePlanner } from '../ec2/instance/machine-planner.ts'
import { type ClonePool, createClonePool } from '../ec2/fast-launch/clone-pool.ts'
import { createCloner } from '../ec2/fast-launch/cloner.ts'
import { createTemplateMaker } from '../ec2/fast-launch/template-maker.ts'
import { createWarmTemplates, type WarmTemplates } from '../ec2/fast-launch/warm-templates.ts'
import { createHibernator } from '../ec2/hibernation/hibernator.ts'
import { createRootReplacer } from '../ec2/root-volume-task/root-replacer.ts'
import type { Architecture } from '../ec2/ports/accelerator.ts'
import type { MachineHost } from '../ec2/ports/machine.ts'
import { findFirmware } from '../machine/firmware.ts'
import { createMachineHost } from '../machine/machine-host.ts'
import { type AcceleratorChoice, createAcceleratorChoice } from './accelerator-choice.ts'
import type { Ground } from './ground.ts'
import type { NetworkRoom } from './network-room.ts'
import type { StorageRoom } from './storage-room.ts'

/** Instances and the machines that they are. */
export interface MachineRoom {
  readonly accelerators: AcceleratorChoice
  readonly machines: MachineHost
  readonly warmTemplates: WarmTemplates
  readonly clonePool: ClonePool
  readonly instances: InstanceDriver
}

const bytesPerMib = 1024 ** 2

function machineTypeOf(architecture: Architecture): string {
  return architecture === 'arm64' ? 'virt-7.2' : 'pc-q35-7.2'
}

export function createMachineRoom(
  ground: Ground,
  storage: StorageRoom,
  { network, networks, spareTaps }: NetworkRoom,
): MachineRoom {
  const { store, clock, random, paths, events, log, processes, settings, instanceTypes, configuration } = ground
  const { disks, layers, layerMaker, sealer, volumes, freezer, chains, descriptions } = storage
  const accelerators = createAcceleratorChoice(ground)
  const machines = createMachineHost({ processes, clock, log })
  const hibernator = createHibernator({ store, clock, paths, machines, events, log })
  const chooseAccelerator = (architecture: Architecture) => accelerators.choose(architecture)
  const maker = createTemplateMaker({
    ...{ store, clock, random, paths, disks, machines, network },
    seal: (layerId) => sealer.seal(layerId),
    discardLayer: (layerId) => layerMaker.discard(layerId),
    collectLayers: () => layers.collect(),
    timeoutMs: configuration.fastLaunch.timeoutSeconds * 1000,
  })
  const warmTemplates = createWarmTemplates({
    ...{ store, clock, random, paths, disks, machines, maker, instanceTypes, settings, events, log },
    ...{ chooseAccelerator, machineTypeOf },
    maximumBytes: configuration.fastLaunch.maximumMib * bytesPerMib,
  })
  const cloner = createCloner({ store, clock, random, paths, machines, templates: warmTemplates, events, log })
  const clonePool = createClonePool({
    ...{ store, clock, random, paths, disks, machines, network, networks, spareTaps, instanceTypes, settings, log },
    maximum: configuration.fastLaunch.poolMachines,
  })
  const planner = createMachinePlanner({
    ...{ store, paths, instanceTypes, chooseAccelerator, machineTypeOf },
    findFirmware: (architecture) => findFirmware(architecture, machineTypeOf(architecture)),
  })
  const instanceDisks = createInstanceDisks({ store, clock, paths, disks, machines, descriptions, log })
  const instanceRelease = createInstanceRelease({ store, paths, networks, volumes, log })
  const launcher = createMachineLauncher({
    ...{ store, clock, paths, machines, network, networks, hibernator, cloner, clonePool, instanceDisks, planner },
    publicCidr: settings.publicCidr,
  })
  const bootWatcher = createBootWatcher({ store, clock, paths, network, events, log })
  const diskPause = createDiskPause({
    clock,
    events,
    log,
    resumeFreeBytes: configuration.machines.resumeFreeMib * bytesPerMib,
    freeBytes: () => disks.freeBytes(paths.volumes),
    isTriedAgain: (instanceId, nodeName) => isAutoEnabled(store, instanceId, nodeName),
  })
  const interfaces = createInterfacePlugging({ store, clock, events, network, networks, log })
  const drives = createDrivePlugging({ store, clock, paths, events, volumes, freezer, chains, descriptions, log })
  const rootReplacer = createRootReplacer({ store, clock, paths, disks, descriptions, volumes, events, log })
  const instances = createInstanceDriver({
    ...settings,
    store,
    clock,
    random,
    events,
    planner,
    launcher,
    instanceDisks,
    instanceRelease,
    bootWatcher,
    diskPause,
    drives,
    interfaces,
    rootReplacer,
    hibernator,
    log,
  })
  return { accelerators, machines, warmTemplates, clonePool, instances }
}
