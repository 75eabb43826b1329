import type { InstanceStatus } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { type DescribeSource, selectRecords } from '../describe.ts'
import { defineFilters } from '../filter.ts'
import { describeInstanceEvent, descriptionOf, shownEvents } from '../instance-event/instance-event.ts'
import type { Ec2Query } from '../operation.ts'
import { describeState } from './describe-instance.ts'
import { type InstanceRecord, instanceStateCodes } from './instance.ts'
import type { CheckStatus, StatusChecks } from './runtime.ts'

const noChecks: StatusChecks = { system: 'not-applicable', instance: 'not-applicable' }

/** The two status checks: `system` is QEMU answering, `instance` the guest answering on the network. */
export function describeInstanceStatus(domain: Domain): Ec2Query<'DescribeInstanceStatus'> {
  const { store } = domain
  const checksOf = ({ id }: InstanceRecord) => domain.instances.runtimeOf(id)?.checks ?? noChecks
  const eventsOf = (record: InstanceRecord) => shownEvents(record, domain.clock.now())
  const zoneIdOf = ({ subnetId }: InstanceRecord) => store.subnets.find(subnetId)?.availabilityZoneId
  /** A machine that a failing disk has paused has a problem; else its disks are as well as QEMU is. */
  const ebsCheckOf = (record: InstanceRecord): CheckStatus =>
    domain.instances.runtimeOf(record.id)?.problem === undefined ? checksOf(record).system : 'impaired'
  const source: DescribeSource<InstanceRecord> = {
    collection: store.instances,
    prefix: 'i',
    idParameter: 'instancesSet',
    filters: defineFilters({
      'availability-zone': { read: ({ availabilityZone }) => availabilityZone, index: 'availabilityZone' },
      'attached-ebs-status.status': (record) => ebsCheckOf(record),
      'application-status.status': () => undefined,
      'availability-zone-id': zoneIdOf,
      'event.code': (record) => eventsOf(record).map(({ code }) => code),
      'event.description': (record) => eventsOf(record).map(descriptionOf),
      'event.instance-event-id': (record) => eventsOf(record).map(({ id }) => id),
      'event.not-after': (record) => eventsOf(record).map(({ notAfter }) => notAfter),
      'event.not-before': (record) => eventsOf(record).map(({ notBefore }) => notBefore),
      'event.not-before-deadline': (record) => eventsOf(record).map(({ notBeforeDeadline }) => notBeforeDeadline),
      'instance-state-code': ({ state }) => instanceStateCodes[state],
      'instance-state-name': { read: ({ state }) => state, index: 'state' },
      'instance-status.reachability': (record) => reachabilityOf(checksOf(record).instance),
      'instance-status.status': (record) => checksOf(record).instance,
      'operator.managed': () => false,
      'operator.principal': () => undefined,
      'system-status.reachability': (record) => reachabilityOf(checksOf(record).system),
      'system-status.status': (record) => checksOf(record).system,
    }),
  }
  return {
    kind: 'query',
    parameters: ['InstanceIds', 'Filters', 'IncludeAllInstances', 'MaxResults', 'NextToken'],
    filters: source.filters.names,
    answer: (context, input) => {
      const page = selectRecords(source, context, {
        ...input,
        ids: input.InstanceIds,
        ...(input.IncludeAllInstances
          ? {}
          : {
              where: ({ state }: InstanceRecord) => state === 'running',
              among: { kind: 'member', index: 'state', values: ['running'] },
            }),
      })
      return {
        InstanceStatuses: page.records.map((record): InstanceStatus => {
          const checks = checksOf(record)
          return {
            AvailabilityZone: record.availabilityZone,
            AvailabilityZoneId: zoneIdOf(record),
            InstanceId: record.id,
            InstanceState: describeState(record.state),
            Events: eventsOf(record).map(describeInstanceEvent),
            InstanceStatus: describeCheck(checks.instance, checks.impairedSince),
            SystemStatus: describeCheck(checks.system),
            AttachedEbsStatus: describeCheck(ebsCheckOf(record)),
            Operator: { Managed: false },
          }
        }),
        ...page.token,
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
