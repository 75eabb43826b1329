import type { Domain } from '../domain.ts'
import { Ec2Error, missingParameter } from '../errors.ts'
import { findOne } from '../ids.ts'
import { describeProductCodes } from '../marketplace/product-code.ts'
import type { Ec2Mutation, Ec2Query } from '../operation.ts'
import type { Store } from '../ports/store.ts'
import { driveIdOf } from './volume.ts'
import { resumeSoon } from './volume-status.ts'

/** DescribeVolumeAttribute: one attribute a call. */
export function describeVolumeAttribute({ store }: Domain): Ec2Query<'DescribeVolumeAttribute'> {
  return {
    kind: 'query',
    parameters: ['Attribute', 'VolumeId'],
    answer: (context, input) => {
      const volume = findOne('vol', input.VolumeId ?? '', (id) => store.volumes.get(context, id))
      switch (input.Attribute) {
        case 'autoEnableIO':
          return { VolumeId: volume.id, AutoEnableIO: { Value: volume.autoEnableIo ?? false } }
        case 'productCodes':
          return { VolumeId: volume.id, ProductCodes: describeProductCodes(volume.productCodes) }
        case undefined:
          throw missingParameter('attribute')
        default:
          throw new Ec2Error('InvalidParameterValue', `Unknown attribute: ${String(input.Attribute).slice(0, 80)}`)
      }
    },
  }
}

/** ModifyVolumeAttribute: whether a machine that an error of this volume has paused goes on by itself. */
export function modifyVolumeAttribute(domain: Domain): Ec2Mutation<'ModifyVolumeAttribute'> {
  const { store } = domain
  return {
    kind: 'mutation',
    parameters: ['AutoEnableIO', 'VolumeId'],
    apply: (context, input) => {
      const volume = findOne('vol', input.VolumeId ?? '', (id) => store.volumes.get(context, id))
      const autoEnableIo = input.AutoEnableIO?.Value
      if (autoEnableIo === undefined) throw missingParameter('AutoEnableIO.Value')
      store.volumes.replace({ ...volume, autoEnableIo })
      if (autoEnableIo) resumeSoon(domain, context, volume)
      return {}
    },
  }
}

/** Whether the volume that a block node of an instance's machine belongs to has AutoEnableIO. */
export function isAutoEnabled(store: Store, instanceId: string, nodeName: string): boolean {
  const volume = store.volumes
    .listBy('attachment.instanceId', instanceId)
    .find(({ attachment }) => attachment && isNodeOf(driveIdOf(attachment.port), nodeName))
  return volume?.autoEnableIo ?? false
}

/** A drive's nodes are named after it: `disk1`, `disk1-g2`. */
function isNodeOf(driveId: string, nodeName: string): boolean {
  return nodeName === driveId || nodeName.startsWith(`${driveId}-`)
}
