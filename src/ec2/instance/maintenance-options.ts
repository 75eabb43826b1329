import type { Domain } from '../domain.ts'
import type { Ec2Mutation } from '../operation.ts'
import { findLivingInstance } from './find-instance.ts'

/** ModifyInstanceMaintenanceOptions: `AutoRecovery` says whether the instance is started again after its host was rebooted. */
export function modifyInstanceMaintenanceOptions({ store }: Domain): Ec2Mutation<'ModifyInstanceMaintenanceOptions'> {
  return {
    kind: 'mutation',
    parameters: ['InstanceId', 'AutoRecovery', 'RebootMigration'],
    apply: (context, input) => {
      const instance = findLivingInstance(store, context, input.InstanceId)
      const autoRecovery = input.AutoRecovery ?? instance.autoRecovery
      const rebootMigration = input.RebootMigration ?? instance.rebootMigration ?? 'default'
      store.instances.replace({ ...instance, autoRecovery, rebootMigration })
      return { InstanceId: instance.id, AutoRecovery: autoRecovery, RebootMigration: rebootMigration }
    },
  }
}
