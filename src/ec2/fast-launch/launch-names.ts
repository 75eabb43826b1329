import type { Random } from '../../host/random.ts'
import { newId } from '../ids.ts'
import type { InstanceRecord } from '../instance/instance.ts'
import { newMacAddress } from '../network-interface/mac-address.ts'
import { tapNameOf } from '../network-interface/network-interface.ts'
import type { MachineSpec } from '../ports/machine-spec.ts'
import type { Store } from '../ports/store.ts'
import { findRootVolume } from '../root-volume-task/root-volume-task.ts'

/** What is drawn for a launch: all by which its machine differs from that of another launch of the same kind. */
export interface LaunchNames {
  readonly instanceId: string
  /** Of its SMBIOS. */
  readonly uuid: string
  readonly generationId: string
  readonly rootVolumeId: string
  readonly interfaceId: string
  readonly macAddress: string
}

export function drawLaunchNames(random: Random): LaunchNames {
  return {
    instanceId: newId('i', random),
    // cloud-init takes a system whose UUID begins with ec2 for EC2.
    uuid: `ec2${random.uuid().slice(3)}`,
    generationId: random.uuid(),
    rootVolumeId: newId('vol', random),
    interfaceId: newId('eni', random),
    macAddress: newMacAddress(random),
  }
}

/** The names that an instance was launched with; undefined when it has lost a part of them since. */
export function readLaunchNames(store: Store, record: InstanceRecord): LaunchNames | undefined {
  const volume = findRootVolume(store, record)
  const primary = store.interfaces
    .listBy('attachment.instanceId', record.id)
    .find(({ attachment }) => attachment?.deviceIndex === 0)
  if (!volume || !primary || record.boot?.generationId === undefined) return undefined
  return {
    instanceId: record.id,
    uuid: record.uuid,
    generationId: record.boot.generationId,
    rootVolumeId: volume.id,
    interfaceId: primary.id,
    macAddress: primary.macAddress,
  }
}

/** The machine of a launch under other names. Pure. */
export function renameSpec(spec: MachineSpec, from: LaunchNames, to: LaunchNames): MachineSpec {
  const pairs = [
    [from.instanceId, to.instanceId],
    [from.uuid, to.uuid],
    [from.generationId, to.generationId],
    // As an id, and as the serial number of the drive.
    [from.rootVolumeId, to.rootVolumeId],
    [from.rootVolumeId.replace('-', ''), to.rootVolumeId.replace('-', '')],
    [tapNameOf(from.interfaceId), tapNameOf(to.interfaceId)],
    [from.macAddress, to.macAddress],
  ] as const
  const text = pairs.reduce((all, [old, name]) => all.replaceAll(old, name), JSON.stringify(spec))
  return JSON.parse(text) as MachineSpec
}
