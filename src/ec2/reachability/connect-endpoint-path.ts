import type { InterfaceNetwork, VpcNetwork } from '../ports/vpc-network.ts'
import { ephemeralPorts, type PathAnalysis, type PathQuestion } from './analyse-path.ts'
import { checkGroups, obstacleOf } from './check.ts'
import type { Hop, Obstacle } from './hop.ts'
import { firstAddressOf, type Packet } from './packet.ts'

/** An EC2 Instance Connect Endpoint, as its interface is recorded. */
export interface EndpointSource {
  readonly interfaceId: string
  readonly subnetId: string
  /** Of the family that is asked about; absent: it has none. */
  readonly address: string | undefined
  readonly groupIds: readonly string[]
}

/**
 * Whether a connection through an EC2 Instance Connect Endpoint comes about: the endpoint's groups must let it out and the instance's in. Within
 * its VPC neither network ACLs nor routes are looked at, as src/network/connect-endpoint-ruleset.ts has it. Pure.
 */
export function analyseEndpointPath(
  vpc: VpcNetwork,
  source: EndpointSource,
  target: { readonly owner: InterfaceNetwork; readonly address?: string },
  question: Pick<PathQuestion, 'protocol' | 'port' | 'sourcePort'>,
): PathAnalysis {
  const { protocol, port = 0, sourcePort } = question
  const { owner } = target
  const destination = target.address ?? firstAddressOf(owner, source.address?.includes(':') ?? false)
  const ports = sourcePort === undefined ? ephemeralPorts : { from: sourcePort, to: sourcePort }
  const packet: Packet = {
    ...{ protocol, sourcePort: ports.from, destinationPort: port },
    source: source.address ?? '',
    destination: destination ?? '',
  }
  const { interfaceId, subnetId } = source
  const begin: Hop = { kind: 'interface', interfaceId, subnetId, packet }
  const end: Hop = { kind: 'interface', interfaceId: owner.id, subnetId: owner.subnetId, packet }
  const why = whyNot(source, owner, destination, protocol)
  if (why !== undefined) {
    const obstacle: Obstacle = {
      code: 'NO_POSSIBLE_DESTINATION',
      text: why,
      isOfAnswer: false,
      interfaceId,
      hop: begin,
    }
    return { ...{ isFound: false, forward: [begin], back: [], obstacles: [obstacle] }, ...around([ports]) }
  }
  const out = checkGroups(vpc, { id: interfaceId, groupIds: source.groupIds }, 'egress', packet)
  const inward = checkGroups(vpc, owner, 'ingress', packet)
  const obstacles = [out, inward].flatMap((hop) => obstacleOf(vpc, hop, packet, false) ?? [])
  const isFound = obstacles.length === 0
  return {
    ...{ isFound, forward: [begin, out, inward, end], back: isFound ? [end, begin] : [], obstacles },
    ...around([ports]),
  }
}

function around(sourcePorts: PathAnalysis['sourcePorts']): Pick<PathAnalysis, 'sourcePorts' | 'assumptions'> {
  return { sourcePorts, assumptions: [] }
}

function whyNot(
  { interfaceId, address }: EndpointSource,
  owner: InterfaceNetwork,
  destination: string | undefined,
  protocol: Packet['protocol'],
): string | undefined {
  if (protocol !== 'tcp') return 'an EC2 Instance Connect Endpoint carries nothing but tcp'
  if (destination === undefined) return `${owner.id} has no IPv6 address`
  return address === undefined ? `the endpoint of ${interfaceId} has no IPv6 address` : undefined
}
