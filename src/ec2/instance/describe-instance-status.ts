import type { InstanceStatus } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { applyFilters } from '../filter.ts'
import { findAll } from '../ids.ts'
import type { Ec2Query } from '../operation.ts'
import { refusePagingWithIds, takePage } from '../page.ts'
import { describeState } from './describe-instance.ts'
import { type InstanceRecord, instanceStateCodes } from './instance.ts'
import type { CheckStatus, StatusChecks } from './runtime.ts'

const noChecks: StatusChecks = { system: 'not-applicable', instance: 'not-applicable' }

/** The two status checks: `system` is QEMU answering, `instance` the guest answering on the network. */
export function describeInstanceStatus(domain: Domain): Ec2Query<'DescribeInstanceStatus'> {
  const { store } = domain
  const checksOf = ({ id }: InstanceRecord) => domain.instances.runtimeOf(id)?.checks ?? noChecks
  return {
    kind: 'query',
    parameters: ['InstanceIds', 'Filters', 'IncludeAllInstances', 'MaxResults', 'NextToken'],
    answer: (context, input) => {
      refusePagingWithIds('instancesSet', input.InstanceIds, input)
      const records = input.InstanceIds?.length
        ? findAll('i', input.InstanceIds, (id) => store.instances.get(context, id))
        : store.instances.list(context)
      const shown = input.IncludeAllInstances ? records : records.filter(({ state }) => state === 'running')
      const matching = applyFilters(shown, input.Filters, {
        'availability-zone': ({ availabilityZone }) => availabilityZone,
        'instance-state-code': ({ state }) => instanceStateCodes[state],
        'instance-state-name': ({ state }) => state,
        'instance-status.reachability': (record) => reachabilityOf(checksOf(record).instance),
        'instance-status.status': (record) => checksOf(record).instance,
        'system-status.reachability': (record) => reachabilityOf(checksOf(record).system),
        'system-status.status': (record) => checksOf(record).system,
      })
      const page = takePage(matching, input, ({ id }) => id)
      return {
        InstanceStatuses: page.records.map((record): InstanceStatus => {
          const checks = checksOf(record)
          return {
            AvailabilityZone: record.availabilityZone,
            InstanceId: record.id,
            InstanceState: describeState(record.state),
            Events: [],
            InstanceStatus: describeCheck(checks.instance, checks.impairedSince),
            SystemStatus: describeCheck(checks.system),
          }
        }),
        ...(page.NextToken ? { NextToken: page.NextToken } : {}),
      }
    },
  }
}

function describeCheck(status: CheckStatus, impairedSince?: Date): NonNullable<InstanceStatus['InstanceStatus']> {
  const reachability = reachabilityOf(status)
  const since = impairedSince ? { ImpairedSince: impairedSince } : {}
  return { Status: status, Details: reachability ? [{ Name: 'reachability', Status: reachability, ...since }] : [] }
}

function reachabilityOf(status: CheckStatus): 'passed' | 'failed' | 'initializing' | 'insufficient-data' | undefined {
  if (status === 'not-applicable') return undefined
  if (status === 'ok') return 'passed'
  return status === 'impaired' ? 'failed' : status
}
