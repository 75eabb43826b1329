import { isIpv6Block } from '../cidr.ts'
import type { InstanceMetadataOptions } from '../instance/instance.ts'
import { ipv6ProtocolOf } from '../instance/metadata-options.ts'
import { resolverAddress, serviceAddresses } from '../ports/service-address.ts'
import type { InterfaceNetwork, VpcNetwork } from '../ports/vpc-network.ts'
import { ephemeralPorts, type PathAnalysis, type PathQuestion } from './analyse-path.ts'
import type { Obstacle } from './hop.ts'
import { firstAddressOf, isIpv6Packet, type Packet } from './packet.ts'

type ServiceName = keyof typeof serviceAddresses

/** What each of them answers at: as src/network/ruleset.ts lets guests in. */
const services: Readonly<Record<ServiceName, { title: string; protocols: readonly string[]; port: number }>> = {
  metadata: { title: 'metadata service', protocols: ['tcp'], port: 80 },
  dns: { title: 'DNS server of the VPC', protocols: ['tcp', 'udp'], port: 53 },
  time: { title: 'time service', protocols: ['udp'], port: 123 },
}

/** The service of the VPC that has an address. Pure. */
export function serviceAt(vpc: VpcNetwork, address: string): ServiceName | undefined {
  if (address === resolverAddress(vpc.cidr)) return 'dns'
  const names = Object.keys(services) as ServiceName[]
  return names.find((name) => serviceAddresses[name].some((known) => known === address))
}

/**
 * Whether a guest comes through to a service of its VPC: it answers every guest itself, and neither groups, network ACLs nor routes are
 * looked at ("Security groups", "Network ACLs": both say so of these). `metadata` are the options of the guest's instance. Pure.
 */
export function analyseServicePath(
  vpc: VpcNetwork,
  service: ServiceName,
  owner: InterfaceNetwork,
  question: Pick<PathQuestion, 'protocol' | 'port' | 'sourcePort'> & { readonly address: string },
  metadata: InstanceMetadataOptions | undefined,
): PathAnalysis {
  const { protocol, address, port = 0, sourcePort = ephemeralPorts.from } = question
  const source = firstAddressOf(owner, isIpv6Block(address))
  const packet: Packet = {
    ...{ protocol, source: source ?? owner.privateIp, destination: address, sourcePort, destinationPort: port },
  }
  const hops = [
    { kind: 'interface', interfaceId: owner.id, subnetId: owner.subnetId, packet },
    { kind: 'vpc-service', title: services[service].title, packet },
  ] as const
  const why = source === undefined ? `${owner.id} has no IPv6 address` : whyNot(vpc, service, packet, owner, metadata)
  const obstacles: Obstacle[] =
    why === undefined
      ? []
      : [{ code: 'NO_POSSIBLE_DESTINATION', text: why, isOfAnswer: false, interfaceId: owner.id, hop: hops[1] }]
  const { from, to } = ephemeralPorts
  return {
    isFound: why === undefined,
    forward: hops,
    back: why === undefined ? [hops[1], hops[0]] : [],
    obstacles,
    sourcePorts: [question.sourcePort === undefined ? { from, to } : { from: sourcePort, to: sourcePort }],
    assumptions: [],
  }
}

function whyNot(
  vpc: VpcNetwork,
  service: ServiceName,
  packet: Packet,
  owner: InterfaceNetwork,
  metadata: InstanceMetadataOptions | undefined,
): string | undefined {
  const { title, protocols, port } = services[service]
  const { protocol, destination, destinationPort } = packet
  if (!protocols.includes(protocol) || destinationPort !== port) {
    return `the ${title} answers ${protocols.join(' and ')} at port ${port} of ${destination}, and nothing else`
  }
  if (service === 'dns' && !vpc.hasDns) return `DNS support of ${vpc.id} is turned off (enableDnsSupport)`
  if (service !== 'metadata') return undefined
  if (metadata?.httpEndpoint === 'disabled')
    return `the instance of ${owner.id} has its metadata service turned off (HttpEndpoint)`
  if (isIpv6Packet(packet) && metadata && ipv6ProtocolOf(metadata) === 'disabled') {
    return `the instance of ${owner.id} has its metadata service turned off for IPv6 (HttpProtocolIpv6)`
  }
  return undefined
}
