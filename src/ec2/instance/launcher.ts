import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import fsExtra from 'fs-extra'
import type { Logger } from 'pino'
import type { Clock } from '../../host/clock.ts'
import { machineFile, type StatePaths } from '../../host/state-paths.ts'
import type { DescriptionWriter } from '../description/description-writer.ts'
import { removeAssociation } from '../iam-instance-profile/association.ts'
import { networkDeviceOf } from '../network-interface/network-interface.ts'
import { removeInterface } from '../network-interface/remove-interface.ts'
import {
  assignPublicAddresses,
  releasePublicAddresses,
  withoutGivenPublicIp,
} from '../network-interface/public-address.ts'
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
import { makeVolumeDisk } from '../volume/make-disk.ts'
import { driveOf } from '../volume/volume.ts'
import type { VolumeDriver } from '../volume/volume-driver.ts'
import type { NetworkDriver } from '../vpc/network-driver.ts'
import type { InstanceTypeCatalog } from '../instance-type/instance-type.ts'
import { decodeUefiData } from '../uefi/uefi-data.ts'
import { currentBootModeOf } from './boot-mode.ts'
import { markStage } from './boot-stage.ts'
import type { InstanceRecord } from './instance.ts'

/** What an instance needs around its machine, and the machine itself. */
export interface MachineLauncher {
  /** Makes the disks that do not exist yet, brings up the network, starts QEMU. */
  start(record: InstanceRecord, onEvent: (event: MachineEvent) => void): Promise<Machine>
  /** Takes over the machine that an earlier daemon started. */
  adopt(record: InstanceRecord, onEvent: (event: MachineEvent) => void): ReturnType<MachineHost['adopt']>
  /** Makes the disks of an instance that is stopped before its machine has run; a failure is the log's, the next start tries again. */
  completeDisks(record: InstanceRecord): Promise<void>
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
  const { store, paths, disks, machines, network, networks, volumes } = dependencies

  async function start(record: InstanceRecord, onEvent: (event: MachineEvent) => void): Promise<Machine> {
    assignPublicAddresses(store, record, dependencies.publicCidr)
    const consoleStart = await consoleSize(record.id)
    // Before the rest: it takes a few milliseconds, and without a disk nothing else is worth its while.
    await makeDisks(record)
    const preparing = prepareMachine(record)
    const preparations = [preparing, networks.refresh(record.vpcId)]
    // All must have ended before a failure is told: what is then cleaned up must not come into being afterwards.
    await Promise.allSettled(preparations)
    await Promise.all(preparations)
    const { spec, verdict, prepared } = await preparing
    const taps = spec.networkDevices.map(({ tapName }) => tapName)
    const machine = await prepared.start(network.commandPrefix(record.vpcId, taps), onEvent)
    store.transaction(() => {
      const present = store.instances.find(record.id)
      if (present?.boot) {
        store.instances.replace({
          ...present,
          boot: {
            ...present.boot,
            consoleStart,
            accelerator: verdict.accelerator,
            acceleratorReason: verdict.reason,
          },
        })
      }
      if (machine.executedAt) markStage(store, record.id, 'qemu', machine.executedAt)
    })
    return machine
  }

  async function prepareMachine(record: InstanceRecord) {
    const verdict = await dependencies.chooseAccelerator(record.architecture)
    const spec = specOf(record, verdict, await chooseFirmware(record))
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

  async function makeDisks(record: InstanceRecord): Promise<void> {
    const volumes = store.volumes
      .listBy('attachment.instanceId', record.id)
      .filter((volume) => volume.state === 'creating')
    await Promise.all(volumes.map((volume) => makeVolumeDisk({ store, paths, disks }, volume)))
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
      for (const volume of store.volumes.listBy('attachment.instanceId', record.id)) {
        if (volume.attachment?.state !== 'attaching') continue
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
      networkDevices: interfaces.flatMap((record) =>
        record.attachment ? networkDeviceOf(record, record.attachment) : [],
      ),
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
          const { attachment: _attachment, ...rest } = withoutGivenPublicIp(networkInterface)
          store.interfaces.replace(rest)
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
    hasSurvivingVolume: (record) =>
      store.volumes
        .listBy('attachment.instanceId', record.id)
        .some((volume) => volume.attachment?.deleteOnTermination === false),
    release,
  }
}
