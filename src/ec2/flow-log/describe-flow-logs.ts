import type { FlowLog } from '@aws-sdk/client-ec2'
import { type DescribeSource, selectRecords } from '../describe.ts'
import type { Domain } from '../domain.ts'
import { defineFilters } from '../filter.ts'
import type { Ec2Query } from '../operation.ts'
import { describeTags } from '../tag/tag.ts'
import type { FlowLogDestination, FlowLogRecord } from './flow-log.ts'

/** DescribeFlowLogs. Its filters come as `Filter`, other than with most operations. */
export function describeFlowLogs(domain: Domain): Ec2Query<'DescribeFlowLogs'> {
  const { store, flows } = domain
  const source: DescribeSource<FlowLogRecord> = {
    collection: store.flowLogs,
    prefix: 'fl',
    idParameter: 'flowLogIds',
    filters: defineFilters(
      {
        'deliver-log-status': ({ id }) => deliveryOf(flows.problemOf(id)),
        'log-destination-type': ({ destination }) => destination.type,
        'flow-log-id': { read: ({ id }) => id, index: 'id' },
        'log-group-name': ({ destination }) =>
          destination.type === 'cloud-watch-logs' ? destination.logGroupName : undefined,
        'resource-id': { read: ({ resourceId }) => resourceId, index: 'resourceId' },
        'traffic-type': ({ trafficType }) => trafficType,
      },
      ({ id }) => store.tags.of(id),
    ),
  }
  return {
    kind: 'query',
    parameters: ['FlowLogIds', 'Filter', 'MaxResults', 'NextToken'],
    filters: source.filters.names,
    answer: (context, input) => {
      const { FlowLogIds: ids, Filter, ...page } = input
      const found = selectRecords(source, context, { ...page, ids, Filters: Filter })
      return { FlowLogs: found.records.map((record) => describeFlowLog(domain, record)), ...found.token }
    },
  }
}

function describeFlowLog({ store, flows }: Domain, record: FlowLogRecord): FlowLog {
  const problem = flows.problemOf(record.id)
  return {
    FlowLogId: record.id,
    FlowLogStatus: 'ACTIVE',
    ResourceId: record.resourceId,
    TrafficType: record.trafficType,
    LogFormat: record.format,
    MaxAggregationInterval: record.aggregationSeconds,
    CreationTime: new Date(record.createdAt),
    DeliverLogsStatus: deliveryOf(problem),
    ...(problem === undefined ? {} : { DeliverLogsErrorMessage: problem }),
    ...describeDestination(record, record.destination),
    Tags: describeTags(store.tags.of(record.id)),
  }
}

function describeDestination({ accountId, region }: FlowLogRecord, destination: FlowLogDestination): FlowLog {
  if (destination.type === 's3') {
    return {
      LogDestinationType: 's3',
      LogDestination: `arn:aws:s3:::${[destination.bucket, destination.prefix].filter(Boolean).join('/')}`,
      DestinationOptions: {
        FileFormat: 'plain-text',
        HiveCompatiblePartitions: destination.hasHivePartitions,
        PerHourPartition: destination.hasHourPartitions,
      },
    }
  }
  const { logGroupName, permissionArn } = destination
  return {
    LogDestinationType: 'cloud-watch-logs',
    LogGroupName: logGroupName,
    LogDestination: `arn:aws:logs:${region}:${accountId}:log-group:${logGroupName}`,
    ...(permissionArn === undefined ? {} : { DeliverLogsPermissionArn: permissionArn }),
  }
}

function deliveryOf(problem: string | undefined): 'SUCCESS' | 'FAILED' {
  return problem === undefined ? 'SUCCESS' : 'FAILED'
}
