import type { Domain } from '../../ec2/domain.ts'
import { invalidParameterCombination } from '../../ec2/errors.ts'
import { describeHop } from '../../ec2/reachability/describe-hop.ts'
import type { Store } from '../../ec2/ports/store.ts'
import type { Hop } from '../../ec2/reachability/hop.ts'
import { analyseNamedPath } from '../../ec2/reachability/path-end.ts'
import type { AnyOperation } from '../dispatch.ts'
import type { PathHopDescription } from '../kiln/path.ts'
import { query } from '../kiln-operation.ts'

/** Whether packets get through, and what stops them. */
export function kilnPathOperations(domain: Domain): Record<string, AnyOperation> {
  return {
    KilnAnalysePath: query('KilnAnalysePath', (context, input) => {
      const { Protocol: protocol = 'tcp', Port: port, SourcePort: sourcePort } = input
      if ((protocol === 'icmp') === (port !== undefined)) {
        throw invalidParameterCombination(
          protocol === 'icmp' ? 'ICMP has no ports.' : `Port is needed with ${protocol}.`,
        )
      }
      const analysis = analyseNamedPath(domain, context, {
        ...{ source: input.Source, destination: input.Destination, protocol },
        ...(port === undefined ? {} : { port }),
        ...(sourcePort === undefined ? {} : { sourcePort }),
      })
      const stops = new Set(analysis.obstacles.map(({ hop }) => hop))
      const describe = (hop: Hop): PathHopDescription => ({
        ...{ Kind: hop.kind, Text: `${describeHop(hop)}${ownerOf(domain.store, hop)}`, IsPassed: !stops.has(hop) },
      })
      return {
        IsFound: analysis.isFound,
        Forward: analysis.forward.map(describe),
        Return: analysis.back.map(describe),
        Obstacles: analysis.obstacles.map(({ code, text, isOfAnswer }) => ({
          ...{ Code: code, Message: text, IsOfAnswer: isOfAnswer },
        })),
        SourcePorts: analysis.sourcePorts.map(({ from, to }) => ({ From: from, To: to })),
        Assumptions: [...analysis.assumptions],
      }
    }),
  }
}

/** Whose an interface is: by its id alone nobody knows it. */
function ownerOf(store: Store, hop: Hop): string {
  const record = hop.kind === 'interface' ? store.interfaces.find(hop.interfaceId) : undefined
  if (!record) return ''
  const endpoints = record.attachment ? [] : store.connectEndpoints.listBy('vpcId', record.vpcId)
  const endpoint = endpoints.find(({ interfaceId }) => interfaceId === record.id)
  if (endpoint) return ` of ${endpoint.id}`
  if (!record.attachment) return ''
  const { instanceId } = record.attachment
  const name = store.tags.of(instanceId).find(({ key }) => key === 'Name')?.value
  return ` of ${instanceId}${name === undefined ? '' : ` (${name})`}`
}
