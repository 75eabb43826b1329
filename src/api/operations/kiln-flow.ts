import type { Domain } from '../../ec2/domain.ts'
import type { LogLine } from '../../ec2/flow-log/flow-record.ts'
import { defaultFormat, parseLogFormat } from '../../ec2/flow-log/log-format.ts'
import { findOne } from '../../ec2/ids.ts'
import type { CallContext } from '../../ec2/operation.ts'
import type { AnyOperation } from '../dispatch.ts'
import type { FlowDescription } from '../kiln/flow.ts'
import { query } from '../kiln-operation.ts'

const format = parseLogFormat(defaultFormat)

/** What passes right now, with no flow log. */
export function kilnFlowOperations(domain: Domain): Record<string, AnyOperation> {
  const { flowWatch } = domain
  return {
    KilnWatchFlows: query('KilnWatchFlows', (context, { ResourceIds: ids, AfterNumber: after }) => {
      const resources = chooseResources(domain, context, ids)
      for (const { id, vpcId } of resources) if (flowWatch.look(id)) domain.networks.refreshSoon(vpcId)
      const wanted = new Set(resources.map(({ id }) => id))
      const LastNumber = flowWatch.lastNumber()
      if (after === undefined) return { Records: [], LastNumber }
      const records = flowWatch
        .readAfter(after)
        .filter(({ line: { logged } }) => [logged.id, logged.subnetId, logged.vpcId].some((id) => wanted.has(id)))
      return { Records: records.map(({ number, line }) => describeLine(number, line)), LastNumber }
    }),
  }
}

interface WatchedResource {
  readonly id: string
  readonly vpcId: string
}

function chooseResources(
  { store }: Domain,
  context: CallContext,
  ids: readonly string[] | undefined,
): readonly WatchedResource[] {
  const vpcs = (): WatchedResource[] => store.vpcs.list(context).map(({ id }) => ({ id, vpcId: id }))
  if (ids === undefined) return vpcs()
  return ids.flatMap((id): readonly WatchedResource[] => {
    if (id.startsWith('i-')) {
      const instance = findOne('i', id, (wanted) => store.instances.get(context, wanted))
      return store.interfaces.listBy('attachment.instanceId', instance.id)
    }
    if (id.startsWith('eni-')) return [findOne('eni', id, (wanted) => store.interfaces.get(context, wanted))]
    if (id.startsWith('subnet-')) return [findOne('subnet', id, (wanted) => store.subnets.get(context, wanted))]
    const vpc = findOne('vpc', id, (wanted) => store.vpcs.get(context, wanted))
    return [{ id: vpc.id, vpcId: vpc.id }]
  })
}

function describeLine(number: number, line: LogLine): FlowDescription {
  const { logged, flow, status, since, until } = line
  return {
    Number: number,
    Line: format.write(line),
    InterfaceId: logged.id,
    ...(logged.instanceId ? { InstanceId: logged.instanceId } : {}),
    Status: status,
    ...(flow
      ? {
          Flow: {
            Direction: flow.isEntering ? 'ingress' : 'egress',
            Action: flow.isAccepted ? 'ACCEPT' : 'REJECT',
            SourceAddress: flow.source,
            DestinationAddress: flow.destination,
            SourcePort: flow.sourcePort,
            DestinationPort: flow.destinationPort,
            Protocol: flow.protocol,
            Packets: flow.packets,
            Bytes: flow.bytes,
          },
        }
      : {}),
    StartTime: new Date(since).toISOString(),
    EndTime: new Date(until).toISOString(),
  }
}
