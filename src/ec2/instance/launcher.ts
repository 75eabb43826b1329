import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import fsExtra from 'fs-extra'
import type { Logger } from 'pino'
import type { Clock } from '../../host/clock.ts'
import { machineFile, type StatePaths } from '../../host/state-paths.ts'
import type { DescriptionWriter } from '../description/description-writer.ts'
import { removeAssociation } from '../iam-instance-profile/association.ts'
import { addressesOf, networkDeviceOf } from '../network-interface/network-interface.ts'
import { removeInterface } from '../network-interface/remove-interface.ts'
import { assignPublicAddresses, detachedOf, releasePublicAddresses } from '../network-interface/public-address.ts'
import type { DiskHost } from '../ports/disk.ts'
import type {
  AcceleratorVerdict,
  Architecture,
  FirmwareFiles,
  FirmwareSpec,
  Machine,
  MachineEvent,
  MachineHost,
  MachineSpec,
} from '../ports/machine.ts'
import type { Network } from '../ports/network.ts'
import type { Store } from '../ports/store.ts'
import { listFreezeIntents } from '../snapshot/freeze-intent.ts'
import { makeVolumeDisk } from '../volume/make-disk.ts'
import { driveOf, keyOf, overlayPathOf, type VolumeRecord } from '../volume/volume.ts'
import type { VolumeDriver } from '../volume/volume-driver.ts'
import type { NetworkDriver } from '../vpc/network-driver.ts'
import type { Clone, Cloner } from '../fast-launch/cloner.ts'
import type { Hibernator } from '../hibernation/hibernator.ts'
import type { InstanceTypeCatalog } from '../instance-type/instance-type.ts'
import { decodeUefiData } from '../uefi/uefi-data.ts'
import { bridgedDevicesOf } from './bridged-device.ts'
import { currentBootModeOf } from './boot-mode.ts'
import { markStage } from './boot-stage.ts'
import type { InstanceRecord } from './instance.ts'
import { createMachineStarter } from './machine-starter.ts'

/** What an instance needs around its machine, and the machine itself. */
export interface MachineLauncher {
  /** Makes the disks that do not exist yet, brings up the network, starts QEMU; one that is hibernated goes on where it was. */
  start(record: InstanceRecord, onEvent: (event: MachineEvent) => void): Promise<Machine>
  /** What the machine of an instance is made of, as its records say now. */
  describeMachine(record: InstanceRecord): Promise<MachineSpec>
  /** Takes over the machine that an earlier daemon started. */
  adopt(record: InstanceRecord, onEvent: (event: MachineEvent) => void): ReturnType<MachineHost['adopt']>
  /** Makes the disks of an instance that is stopped before its machine has run; a failure is the log's, the next start tries again. */
  completeDisks(record: InstanceRecord): Promise<void>
  /**
   * Gives back what a machine that was killed had lost in its volumes; a failure is the log's. No machine may have them, and nothing may have
   * been made of them since.
   */
  repairDisks(record: InstanceRecord): Promise<void>
  /** The volumes of a machine that runs are attached, whichever daemon started it. */
  markAttached(record: InstanceRecord): void
  /** Brings the descriptions that its volumes carry of themselves up to date; a failure is the log's. */
  describeVolumes(volumeIds: readonly string[]): Promise<void>
  volumeIdsOf(record: InstanceRecord): string[]
  /** Bytes of console output so far; 0 when there is none. */
  consoleSize(instanceId: string): Promise<number>
  /** Takes back the public addresses that a start had given. */
  releaseAddresses(record: InstanceRecord): Promise<void>
  /** Brings the VPC to what the records say and tells whether that went well; a failure is the log's, not the instance's. */
  refreshNetwork(record: InstanceRecord): Promise<boolean>
  hasSurvivingVolume(record: InstanceRecord): boolean
  /** After the end: deletes what goes with the instance, lets the rest go. */
  release(record: InstanceRecord): Promise<void>
}

export interface LauncherDependencies {
  readonly store: Store
  readonly clock: Clock
  readonly paths: StatePaths
  readonly disks: DiskHost
  readonly machines: MachineHost
  readonly network: Network
  readonly networks: NetworkDriver
  readonly volumes: VolumeDriver
  readonly hibernator: Hibernator
  readonly cloner: Cloner
  readonly instanceTypes: InstanceTypeCatalog
  readonly publicCidr: string
  /** The accelerator for machines of an architecture, proven once a boot of the host. */
  readonly chooseAccelerator: (architecture: Architecture) => Promise<AcceleratorVerdict>
  /** For example `pc-q35-7.2`. */
  readonly machineTypeOf: (architecture: Architecture) => string
  /** UEFI for machines of an architecture. Rejects with an Error that names the missing package. */
  readonly findFirmware: (architecture: Architecture) => Promise<FirmwareFiles>
  readonly descriptions: DescriptionWriter
  readonly log: Logger
}

export function createMachineLauncher(dependencies: LauncherDependencies): MachineLauncher {
  const { store, paths, disks, machines, network, networks, volumes, cloner } = dependencies
  const starter = createMachineStarter(dependencies)

  async function start(record: InstanceRecord, onEvent: (event: MachineEvent) => void): Promise<Machine> {
    assignPublicAddresses(store, record, dependencies.publicCidr)
    const consoleStart = await consoleSize(record.id)
    const begun = await beginClone(record)
    const clone = begun && !('kind' in begun) ? begun : undefined
    // Before the rest: it takes a few milliseconds, and without a disk nothing else is worth its while.
    await makeDisks(record, clone?.rootSizeBytes)
    await repairDisks(record)
    const preparing = prepareMachine(record, clone)
    const preparations = [preparing, networks.refresh(record.vpcId)]
    // All must have ended before a failure is told: what is then cleaned up must not come into being afterwards.
    await Promise.allSettled(preparations)
    await Promise.all(preparations)
    const { spec, verdict, prepared } = await preparing
    const taps = spec.networkDevices.map(({ tapName }) => tapName)
    const { machine, isResumed } = await starter.start({
      ...{ record, spec, prepared, clone, onEvent },
      commandPrefix: network.commandPrefix(record.vpcId, taps),
      prepareAnew: async () => {
        await makeDisks(record)
        return (await prepareMachine(record)).prepared
      },
    })
    // Its guest answers from now on, not only after a boot.
    if (isResumed || clone) {
      for (const own of store.interfaces.listBy('attachment.instanceId', record.id))
        for (const { privateIp } of addressesOf(own)) network.dialAgain(record.vpcId, privateIp)
    }
    store.transaction(() => {
      const present = store.instances.find(record.id)
      if (present?.boot) {
        const way = present.boot.way ?? (begun && 'kind' in begun ? begun : undefined)
        store.instances.replace({
          ...present,
          boot: {
            ...present.boot,
            consoleStart,
            accelerator: verdict.accelerator,
            acceleratorReason: verdict.reason,
            ...(way ? { way } : {}),
          },
        })
      }
      if (machine.executedAt) markStage(store, record.id, 'qemu', machine.executedAt)
      // It is where it was.
      if (isResumed) {
        // Its clock has stood still with it.
        void machine.setGuestClock()
        for (const stage of record.hibernation?.stages ?? [])
          markStage(store, record.id, stage, dependencies.clock.now())
      }
    })
    return machine
  }

  /** Only a machine that has never run can go on from a template. */
  async function beginClone(record: InstanceRecord): Promise<Awaited<ReturnType<Cloner['begin']>> | undefined> {
    if (!record.boot?.isFirst) return undefined
    return await cloner.begin(record, (await planMachine(record)).spec)
  }

  /** A QEMU that was killed leaves clusters that it had taken and not used yet: room that would be lost for good. */
  async function repairDisks(record: InstanceRecord): Promise<void> {
    if (!(await machines.hasEndedUncleanly(join(paths.machines, record.id)))) return
    const waiting = new Set(listFreezeIntents(store).map(({ volumeId }) => volumeId))
    const isGoing = ({ id, attachment }: VolumeRecord) =>
      record.state === 'shutting-down' && attachment?.deleteOnTermination === true && !waiting.has(id)
    const kept = store.volumes
      .listBy('attachment.instanceId', record.id)
      .filter((volume) => volume.state !== 'creating' && !isGoing(volume))
    await Promise.all(
      kept.map(async (volume) => {
        try {
          await disks.repairLeaks({ path: overlayPathOf(paths, volume), ...keyOf(volume) })
        } catch (error) {
          dependencies.log.warn(
            { volumeId: volume.id, err: error },
            'room that a killed machine lost is not given back',
          )
        }
      }),
    )
  }

  async function planMachine(record: InstanceRecord): Promise<{ spec: MachineSpec; verdict: AcceleratorVerdict }> {
    const verdict = await dependencies.chooseAccelerator(record.architecture)
    return { verdict, spec: specOf(record, verdict, await chooseFirmware(record)) }
  }

  async function prepareMachine(record: InstanceRecord, clone?: Clone) {
    const { spec: own, verdict } = await planMachine(record)
    const spec = clone?.specOf(own) ?? own
    return { spec, verdict, prepared: await machines.prepare(spec) }
  }

  async function chooseFirmware(record: InstanceRecord): Promise<FirmwareSpec | undefined> {
    if (currentBootModeOf(record) !== 'uefi') return undefined
    const files = await dependencies.findFirmware(record.architecture)
    return record.uefiData === undefined ? files : { ...files, variables: decodeUefiData(record.uefiData) }
  }

  async function consoleSize(instanceId: string): Promise<number> {
    const log = await stat(join(paths.machines, instanceId, machineFile.consoleLog)).catch(() => undefined)
    return log?.size ?? 0
  }

  /** The root disk is of `rootSizeBytes` at first where that is given. */
  async function makeDisks(record: InstanceRecord, rootSizeBytes?: number): Promise<void> {
    const volumes = store.volumes
      .listBy('attachment.instanceId', record.id)
      .filter((volume) => volume.state === 'creating')
    await Promise.all(
      volumes.map(async (volume) => {
        const isRoot = volume.attachment?.deviceName === record.rootDeviceName
        await makeVolumeDisk({ store, paths, disks }, volume, isRoot ? rootSizeBytes : undefined)
      }),
    )
    store.transaction(() => {
      for (const { id } of volumes) {
        const present = store.volumes.find(id)
        if (present?.state === 'creating') store.volumes.replace({ ...present, state: 'in-use' })
      }
      markStage(store, record.id, 'disk', dependencies.clock.now())
    })
  }

  function markAttached(record: InstanceRecord): void {
    store.transaction(() => {
      // What came of a template has its root disk only: the others are plugged in.
      const isClone = store.instances.find(record.id)?.boot?.way?.kind === 'template'
      for (const volume of store.volumes.listBy('attachment.instanceId', record.id)) {
        if (volume.attachment?.state !== 'attaching') continue
        if (isClone && volume.attachment.deviceName !== record.rootDeviceName) continue
        store.volumes.replace({ ...volume, state: 'in-use', attachment: { ...volume.attachment, state: 'attached' } })
      }
    })
  }

  function specOf(
    record: InstanceRecord,
    verdict: AcceleratorVerdict,
    firmware: FirmwareSpec | undefined,
  ): MachineSpec {
    const type = dependencies.instanceTypes.get(record.instanceType)
    const { cpuOptions } = record
    const volumes = store.volumes.listBy('attachment.instanceId', record.id)
    const interfaces = store.interfaces.listBy('attachment.instanceId', record.id)
    return {
      name: record.id,
      directory: join(paths.machines, record.id),
      architecture: record.architecture,
      accelerator: verdict.accelerator,
      machineType: dependencies.machineTypeOf(record.architecture),
      cpuCount: cpuOptions ? cpuOptions.coreCount * cpuOptions.threadsPerCore : type.vCpus,
      ...(cpuOptions && cpuOptions.threadsPerCore > 1 ? { threadsPerCore: cpuOptions.threadsPerCore } : {}),
      memoryMib: type.memoryMib,
      uuid: record.uuid,
      generationId: record.boot?.generationId ?? record.uuid,
      ...(firmware ? { firmware } : {}),
      ...(record.tpmSupport ? { hasTpm: true } : {}),
      drives: volumes.flatMap((volume) => {
        const { attachment } = volume
        if (!attachment || attachment.state === 'detaching') return []
        const drive = driveOf({ store, paths }, volume, attachment.port)
        return [attachment.deviceName === record.rootDeviceName ? { ...drive, bootIndex: 0 } : drive]
      }),
      networkDevices: [
        ...interfaces.flatMap((own) => (own.attachment ? networkDeviceOf(own, own.attachment) : [])),
        ...bridgedDevicesOf(record).map(({ bridge: _bridge, ...device }) => device),
      ],
    }
  }

  async function refreshNetwork(record: InstanceRecord): Promise<boolean> {
    try {
      await networks.refresh(record.vpcId)
      return true
    } catch (error) {
      dependencies.log.error({ vpcId: record.vpcId, err: error }, 'network could not be refreshed')
      return false
    }
  }

  async function release(record: InstanceRecord): Promise<void> {
    const attached = store.volumes.listBy('attachment.instanceId', record.id)
    const doomed = store.transaction(() => {
      removeAssociation(store, record)
      for (const networkInterface of store.interfaces.listBy('attachment.instanceId', record.id)) {
        if (networkInterface.attachment?.deleteOnTermination) {
          removeInterface(store, networkInterface)
        } else {
          store.interfaces.replace(detachedOf(networkInterface))
        }
      }
      return attached.filter((volume) => {
        const { attachment, ...rest } = volume
        if (attachment?.deleteOnTermination || volume.state === 'creating') {
          store.volumes.replace({ ...rest, state: 'deleting' })
          return true
        }
        store.volumes.replace({ ...rest, state: 'available' })
        return false
      })
    })
    // A snapshot of one that stays may have been asked for last.
    for (const { id } of attached) volumes.wake(id)
    const isRefreshed = await refreshNetwork(record)
    await Promise.all(doomed.map(({ id }) => volumes.settle(id)))
    await removeAllButConsole(join(paths.machines, record.id))
    // On a full disk the first try finds no room for its files; the volumes have given some back.
    if (!isRefreshed) await refreshNetwork(record)
  }

  /** As on EC2 the console of a terminated instance can be read for as long as the instance is shown. */
  async function removeAllButConsole(directory: string): Promise<void> {
    if (!(await fsExtra.pathExists(directory))) return
    const names = await fsExtra.readdir(directory)
    await Promise.all(
      names.filter((name) => name !== machineFile.consoleLog).map((name) => fsExtra.remove(join(directory, name))),
    )
  }

  async function describeVolumes(volumeIds: readonly string[]): Promise<void> {
    for (const id of volumeIds) await dependencies.descriptions.describeVolume(id)
  }

  async function completeDisks(record: InstanceRecord): Promise<void> {
    try {
      await makeDisks(record)
    } catch (error) {
      dependencies.log.error({ instanceId: record.id, err: error }, 'disks could not be made')
    }
  }

  return {
    start,
    describeMachine: async (record) => (await planMachine(record)).spec,
    completeDisks,
    markAttached,
    describeVolumes,
    volumeIdsOf: (record) => store.volumes.listBy('attachment.instanceId', record.id).map(({ id }) => id),
    consoleSize,
    adopt: (record, onEvent) => machines.adopt(join(paths.machines, record.id), onEvent),
    releaseAddresses: async (record) => {
      releasePublicAddresses(store, record)
    },
    refreshNetwork,
    repairDisks,
    hasSurvivingVolume: (record) =>
      store.volumes
        .listBy('attachment.instanceId', record.id)
        .some((volume) => volume.attachment?.deleteOnTermination === false),
    release,
  }
}
