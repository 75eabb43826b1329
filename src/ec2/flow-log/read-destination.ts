import { Ec2Error, invalidParameterCombination, invalidParameterValue, missingParameter } from '../errors.ts'
import { refuseOtherMembers, requireOneOf } from '../honoured.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import type { Scope } from '../ports/store.ts'
import type { FlowLogDestination } from './flow-log.ts'
import { isLogGroupName } from './log-group.ts'

const operation = 'CreateFlowLogs'

/** What CreateFlowLogs has of destinations. */
export interface DestinationInput {
  readonly LogDestinationType?: string | undefined
  readonly LogDestination?: string | undefined
  readonly LogGroupName?: string | undefined
  readonly DeliverLogsPermissionArn?: string | undefined
  readonly DestinationOptions?:
    | {
        FileFormat?: string | undefined
        HiveCompatiblePartitions?: boolean | undefined
        PerHourPartition?: boolean | undefined
      }
    | undefined
}

/** Where the records shall go. Throws for what cannot be, or is not there. */
export function readDestination(objects: ObjectStore, scope: Scope, input: DestinationInput): FlowLogDestination {
  const { LogDestinationType: type = 'cloud-watch-logs' } = input
  requireOneOf(operation, 'LogDestinationType', type, ['s3', 'cloud-watch-logs'])
  return type === 's3' ? readBucket(objects, scope, input) : readLogGroup(scope, input)
}

function readBucket(objects: ObjectStore, { accountId }: Scope, input: DestinationInput): FlowLogDestination {
  const {
    LogDestination: arn,
    LogGroupName: group,
    DeliverLogsPermissionArn: role,
    DestinationOptions: options,
  } = input
  if (group !== undefined || role !== undefined) {
    const name = group === undefined ? 'DeliverLogsPermissionArn' : 'LogGroupName'
    throw invalidParameterCombination(`${name} is for the destination type cloud-watch-logs, not for s3.`)
  }
  if (!arn) throw missingParameter('LogDestination')
  const [, bucket, path = ''] = /^arn:aws[a-z-]*:s3:::([^/]+)(?:\/(.*))?$/s.exec(arn) ?? []
  if (bucket === undefined) {
    throw invalidParameterValue(
      'LogDestination',
      arn.slice(0, 200),
      'Expected arn:aws:s3:::BUCKET or arn:aws:s3:::BUCKET/PREFIX/.',
    )
  }
  if (!objects.isOffered(bucket, accountId)) {
    throw new Ec2Error(
      'InvalidParameter',
      `LogDestination: ${bucket} does not exist, or is not for this account to use.`,
    )
  }
  refuseOtherMembers(operation, 'DestinationOptions', options, [
    'FileFormat',
    'HiveCompatiblePartitions',
    'PerHourPartition',
  ])
  requireOneOf(operation, 'DestinationOptions.FileFormat', options?.FileFormat, ['plain-text'])
  const prefix = path === '' || path.endsWith('/') ? path : `${path}/`
  // "AWSLogs is a reserved term."
  if (prefix.startsWith('AWSLogs/')) {
    throw invalidParameterValue('LogDestination', arn.slice(0, 200), 'AWSLogs is what the keys have after the prefix.')
  }
  objects.requirePlace({ bucket, key: `${prefix}AWSLogs/log.gz` })
  return {
    type: 's3',
    bucket,
    prefix,
    hasHivePartitions: options?.HiveCompatiblePartitions ?? false,
    hasHourPartitions: options?.PerHourPartition ?? false,
  }
}

function readLogGroup({ accountId, region }: Scope, input: DestinationInput): FlowLogDestination {
  const {
    LogDestination: arn,
    LogGroupName: given,
    DeliverLogsPermissionArn: role,
    DestinationOptions: options,
  } = input
  if (options && Object.values(options).some((value) => value !== undefined)) {
    throw invalidParameterCombination('DestinationOptions are for the destination type s3, not for cloud-watch-logs.')
  }
  if (given && arn) throw invalidParameterCombination('Give LogGroupName or LogDestination, not both.')
  const name = given ?? (arn === undefined ? undefined : groupOfArn(arn, `${region}:${accountId}`))
  if (!name) throw missingParameter('LogGroupName')
  if (!isLogGroupName(name)) {
    const why = 'Expected at most 200 letters, digits and characters of . - _ / #.'
    throw invalidParameterValue('LogGroupName', name.slice(0, 80), why)
  }
  if (role !== undefined && !/^arn:aws[a-z-]*:iam::\d{12}:role\/\S{1,576}$/.test(role)) {
    throw invalidParameterValue('DeliverLogsPermissionArn', role.slice(0, 200), 'Expected the ARN of a role.')
  }
  return { type: 'cloud-watch-logs', logGroupName: name, ...(role === undefined ? {} : { permissionArn: role }) }
}

/** Terraform gives the ARN as the group has it, with `:*` at its end. */
function groupOfArn(arn: string, place: string): string {
  const [, ofPlace, name] = /^arn:aws[a-z-]*:logs:([^:]+:\d{12}):log-group:([^:*]+)(?::\*)?$/.exec(arn) ?? []
  if (name !== undefined && ofPlace === place) return name
  const why = `Expected arn:aws:logs:${place}:log-group:NAME.`
  throw invalidParameterValue('LogDestination', arn.slice(0, 200), why)
}
