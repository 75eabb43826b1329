import type { Domain } from '../domain.ts'
import { Ec2Error, missingParameter } from '../errors.ts'
import { findOne } from '../ids.ts'
import { describeProductCodes } from '../marketplace/product-code.ts'
import type { Ec2Mutation, Ec2Query } from '../operation.ts'

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

/** ModifyVolumeAttribute: kept and told. Kiln never disables the I/O of a volume out of doubt, so there is nothing to enable by itself. */
export function modifyVolumeAttribute({ store }: Domain): Ec2Mutation<'ModifyVolumeAttribute'> {
  return {
    kind: 'mutation',
    isRecordOnly: true,
    parameters: ['AutoEnableIO', 'VolumeId'],
    apply: (context, input) => {
      const volume = findOne('vol', input.VolumeId ?? '', (id) => store.volumes.get(context, id))
      const autoEnableIo = input.AutoEnableIO?.Value
      if (autoEnableIo === undefined) throw missingParameter('AutoEnableIO.Value')
      store.volumes.replace({ ...volume, autoEnableIo })
      return {}
    },
  }
}
