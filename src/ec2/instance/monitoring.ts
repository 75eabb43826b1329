import type { Domain } from '../domain.ts'
import { incorrectInstanceState } from '../errors.ts'
import { findAll } from '../ids.ts'
import type { Ec2Mutation } from '../operation.ts'
import { hasEnded } from './find-instance.ts'

/** MonitorInstances: the choice is kept and told; there is no CloudWatch here. */
export function monitorInstances(domain: Domain): Ec2Mutation<'MonitorInstances'> {
  return changeMonitoring(domain, true)
}

export function unmonitorInstances(domain: Domain): Ec2Mutation<'UnmonitorInstances'> {
  return changeMonitoring(domain, false)
}

function changeMonitoring(
  { store }: Domain,
  isMonitored: boolean,
): Ec2Mutation<'MonitorInstances' | 'UnmonitorInstances'> {
  return {
    kind: 'mutation',
    parameters: ['InstanceIds'],
    isRecordOnly: true,
    apply: (context, input) => {
      const instances = findAll('i', input.InstanceIds ?? [], (id) => store.instances.get(context, id))
      return {
        InstanceMonitorings: instances.map((instance) => {
          if (hasEnded(instance)) throw incorrectInstanceState(instance.id, isMonitored ? 'monitored' : 'unmonitored')
          store.instances.replace({ ...instance, isMonitored })
          // EC2 tells where it is going to.
          return { InstanceId: instance.id, Monitoring: { State: isMonitored ? 'pending' : 'disabling' } }
        }),
      }
    },
  }
}
