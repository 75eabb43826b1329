import type { Domain } from '../domain.ts'
import { Ec2Error, invalidParameterCombination, invalidParameterValue, missingParameter } from '../errors.ts'
import { findAll, newId } from '../ids.ts'
import type { CallContext, Ec2Mutation } from '../operation.ts'
import type { Scope, Store } from '../ports/store.ts'
import { requireQuota } from '../quota.ts'
import { putTags, readTagSpecifications } from '../tag/tag.ts'
import { type FlowLogRecord, type FlowLogResourceType, type FlowLogTrafficType, flowLogResources } from './flow-log.ts'
import { defaultFormat, parseLogFormat } from './log-format.ts'
import { readDestination } from './read-destination.ts'

type Input = Parameters<ReturnType<typeof createFlowLogs>['apply']>[1]

const aggregationIntervals = [60, 600]

/** CreateFlowLogs: one for each resource. What is wrong with one of them keeps the others from nothing. */
export function createFlowLogs(domain: Domain): Ec2Mutation<'CreateFlowLogs'> {
  const { store, networks } = domain
  return {
    kind: 'mutation',
    parameters: [
      'ClientToken',
      'DeliverLogsPermissionArn',
      'LogGroupName',
      'ResourceIds',
      'ResourceType',
      'TrafficType',
      'LogDestinationType',
      'LogDestination',
      'LogFormat',
      'TagSpecifications',
      'MaxAggregationInterval',
      'DestinationOptions',
    ],
    apply: (context, input) => {
      const tags = readTagSpecifications(input.TagSpecifications, ['vpc-flow-log']).get('vpc-flow-log') ?? []
      const draft = readDraft(domain, context, input)
      const resources = readResources(store, context, draft.resourceType, input.ResourceIds ?? [])
      const created: FlowLogRecord[] = []
      const refused: { id: string; error: Ec2Error }[] = []
      for (const resource of resources) {
        const { accountId, region } = context
        const record = { accountId, region, id: newId('fl', domain.random), ...draft, ...resource }
        const error = problemWith(domain, record)
        if (error) {
          refused.push({ id: resource.resourceId, error })
          continue
        }
        store.flowLogs.insert(record)
        putTags(store, context, record.id, 'vpc-flow-log', tags)
        created.push(record)
      }
      for (const vpcId of new Set(created.map((record) => record.vpcId))) {
        context.afterCommit(() => networks.refreshSoon(vpcId))
      }
      return {
        FlowLogIds: created.map(({ id }) => id),
        Unsuccessful: refused.map(({ id, error }) => ({
          ResourceId: id,
          Error: { Code: error.code, Message: error.message },
        })),
        ...(input.ClientToken ? { ClientToken: input.ClientToken } : {}),
      }
    },
  }
}

type Draft = Omit<FlowLogRecord, 'id' | 'accountId' | 'region' | 'resourceId' | 'vpcId'>

function readDraft({ objects }: Domain, context: CallContext, input: Input): Draft {
  const { TrafficType: trafficType, MaxAggregationInterval: interval = 600, LogFormat: format = defaultFormat } = input
  if (!trafficType) {
    throw missingParameter('TrafficType')
  }
  if (!aggregationIntervals.includes(interval)) {
    throw invalidParameterValue('MaxAggregationInterval', interval, 'Expected 60 or 600.')
  }
  parseLogFormat(format)
  return {
    resourceType: readResourceType(input.ResourceType),
    trafficType: readTrafficType(trafficType),
    aggregationSeconds: interval,
    format,
    destination: readDestination(objects, context, input),
    createdAt: context.now.toISOString(),
  }
}

function readResourceType(given: string | undefined): FlowLogResourceType {
  if (!given) throw missingParameter('ResourceType')
  const found = (['VPC', 'Subnet', 'NetworkInterface'] as const).find((type) => type === given)
  if (found) return found
  throw invalidParameterValue('ResourceType', given, 'Expected VPC, Subnet or NetworkInterface.')
}

function readTrafficType(given: string): FlowLogTrafficType {
  const found = (['ACCEPT', 'REJECT', 'ALL'] as const).find((type) => type === given)
  if (found) return found
  throw invalidParameterValue('TrafficType', given, 'Expected ACCEPT, REJECT or ALL.')
}

function readResources(
  store: Store,
  scope: Scope,
  type: FlowLogResourceType,
  ids: readonly string[],
): Pick<FlowLogRecord, 'resourceId' | 'vpcId'>[] {
  if (ids.length === 0) throw missingParameter('ResourceIds')
  const prefix = flowLogResources[type]
  const stray = ids.find((id) => !id.startsWith(`${prefix}-`))
  if (stray !== undefined) {
    throw invalidParameterCombination(`The resource ${stray.slice(0, 80)} is not of the type ${type}.`)
  }
  return findAll(prefix, ids, (id) => {
    const vpcId =
      type === 'VPC'
        ? store.vpcs.get(scope, id)?.id
        : (type === 'Subnet' ? store.subnets : store.interfaces).get(scope, id)?.vpcId
    return vpcId === undefined ? undefined : { resourceId: id, vpcId }
  })
}

/** Why a resource cannot have that one more; undefined when it can. */
function problemWith({ store, settings }: Domain, wanted: FlowLogRecord): Ec2Error | undefined {
  const present = store.flowLogs.listBy('resourceId', wanted.resourceId)
  const isSame = ({ destination, trafficType, format }: FlowLogRecord) =>
    trafficType === wanted.trafficType &&
    format === wanted.format &&
    JSON.stringify(destination) === JSON.stringify(wanted.destination)
  if (present.some(isSame)) {
    return new Ec2Error(
      'FlowLogAlreadyExists',
      'Error. There is an existing Flow Log with the same configuration and log destination.',
    )
  }
  try {
    requireQuota(settings.quotas, 'flowLogsPerResource', { present: present.length, code: 'FlowLogsLimitExceeded' })
    return undefined
  } catch (error) {
    if (error instanceof Ec2Error) return error
    throw error
  }
}
