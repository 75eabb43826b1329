import type { Domain } from '../domain.ts'
import { Ec2Error, invalidParameterValue, missingParameter } from '../errors.ts'
import { requireOneOf } from '../honoured.ts'
import { findOne } from '../ids.ts'
import type { InstanceRecord } from '../instance/instance.ts'
import type { Ec2Mutation } from '../operation.ts'
import { describeModification } from './describe-modifications.ts'
import type { VolumeModification, VolumeRecord, VolumeShape } from './volume.ts'
import { changePerformance, requireBootType, requireVolumeSize, requireVolumeType } from './volume-type.ts'

/** ModifyVolume: larger, at once also in the machine that runs with it, and of another type. */
export function modifyVolume(domain: Domain): Ec2Mutation<'ModifyVolume'> {
  const { store } = domain
  return {
    kind: 'mutation',
    parameters: ['VolumeId', 'Size', 'VolumeType', 'Iops', 'Throughput', 'MultiAttachEnabled'],
    apply: (context, input) => {
      const volume = findOne('vol', input.VolumeId ?? '', (id) => store.volumes.get(context, id))
      if (input.Size === undefined && input.VolumeType === undefined && input.Iops === undefined) {
        if (input.Throughput === undefined && input.MultiAttachEnabled === undefined) throw missingParameter('size')
      }
      requireOneOf('ModifyVolume', 'MultiAttachEnabled', input.MultiAttachEnabled, [false])
      requireModifiable(volume)
      const volumeType = requireVolumeType(input.VolumeType ?? volume.volumeType)
      if (isRootOf(volume, store.instances.find(volume.attachment?.instanceId ?? ''))) requireBootType(volumeType)
      const sizeGib = input.Size ?? volume.sizeGib
      if (sizeGib < volume.sizeGib) {
        throw invalidParameterValue('size', sizeGib, 'New size cannot be smaller than existing size.')
      }
      requireVolumeSize(volumeType, sizeGib, undefined)
      const modification: VolumeModification = {
        state: 'modifying',
        original: shapeOf(volume),
        target: { sizeGib, volumeType, ...changePerformance(volume, volumeType, sizeGib, input) },
        startTime: context.now.toISOString(),
      }
      const modified: VolumeRecord = { ...volume, modification }
      store.volumes.replace(modified)
      context.afterCommit(() => domain.volumes.wake(volume.id))
      return { VolumeModification: describeModification(modified, modification) }
    },
  }
}

function isRootOf({ attachment }: VolumeRecord, instance: InstanceRecord | undefined): boolean {
  return attachment !== undefined && attachment.deviceName === instance?.rootDeviceName
}

function requireModifiable({ id, state, modification }: VolumeRecord): void {
  if (state !== 'available' && state !== 'in-use') {
    throw new Ec2Error('IncorrectState', `Volume '${id}' is in the '${state}' state.`)
  }
  if (modification?.state !== 'modifying' && modification?.state !== 'optimizing') return
  throw new Ec2Error('IncorrectModificationState', `Volume ${id} is in modification state ${modification.state}.`)
}

function shapeOf({ sizeGib, volumeType, iops, throughputMibps }: VolumeRecord): VolumeShape {
  return {
    sizeGib,
    volumeType,
    ...(iops === undefined ? {} : { iops }),
    ...(throughputMibps === undefined ? {} : { throughputMibps }),
  }
}
