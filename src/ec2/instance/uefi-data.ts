import { join } from 'node:path'
import type { Domain } from '../domain.ts'
import { unsupportedOperation } from '../errors.ts'
import { findOne } from '../ids.ts'
import type { CallContext, Ec2Query } from '../operation.ts'
import { encodeUefiData } from '../uefi/uefi-data.ts'
import { currentBootModeOf } from './boot-mode.ts'
import type { InstanceRecord } from './instance.ts'

/** GetInstanceUefiData: the variables of the instance's firmware as they are now. */
export function getInstanceUefiData(domain: Domain): Ec2Query<'GetInstanceUefiData'> {
  return {
    kind: 'query',
    parameters: ['InstanceId'],
    answer: async (context: CallContext, input) => {
      const instance = findOne('i', input.InstanceId ?? '', (id) => domain.store.instances.get(context, id))
      if (currentBootModeOf(instance) !== 'uefi') {
        throw unsupportedOperation(`The instance ${instance.id} boots by legacy-bios: it has no UEFI variables.`)
      }
      return { InstanceId: instance.id, UefiData: await readUefiData(domain, instance) }
    },
  }
}

/** What an image of the instance begins with: what its firmware keeps, and before its first start what it was launched with. */
export async function readUefiData({ machines, paths }: Domain, instance: InstanceRecord): Promise<string> {
  const variables = await machines.readUefiVariables(join(paths.machines, instance.id))
  return variables ? encodeUefiData(variables) : (instance.uefiData ?? encodeUefiData([]))
}
