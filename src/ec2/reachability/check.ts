import type { InterfaceNetwork, VpcNetwork } from '../ports/vpc-network.ts'
import type { AclHop, GroupHop, Obstacle } from './hop.ts'
import { matchesRule, type Packet } from './packet.ts'

type Direction = 'ingress' | 'egress'

/** What the groups of an interface say of the first packet of a connection. Pure. */
export function checkGroups(
  vpc: VpcNetwork,
  { id: interfaceId, groupIds }: Pick<InterfaceNetwork, 'id' | 'groupIds'>,
  direction: Direction,
  packet: Packet,
): GroupHop {
  const groups = vpc.groups.filter(({ id }) => groupIds.includes(id))
  const peer = direction === 'ingress' ? packet.source : packet.destination
  const [rule] = groups.flatMap((group) =>
    group[direction]
      .filter((candidate) => matchesRule(vpc, candidate, packet, peer))
      .map((candidate) => ({ ...candidate, ofGroup: group.id })),
  )
  return { kind: 'security-group', interfaceId, direction, groupIds, ...(rule ? { rule } : {}) }
}

/** What the network ACL of a subnet says of a packet that crosses its edge. Pure. */
export function checkAcl(vpc: VpcNetwork, subnetId: string, direction: Direction, packet: Packet): AclHop {
  const acl = vpc.subnets.find(({ id }) => id === subnetId)?.acl
  if (!acl) return { kind: 'network-acl', subnetId, direction, isPassed: true }
  const peer = direction === 'ingress' ? packet.source : packet.destination
  const entry = acl[direction].find((candidate) => matchesRule(vpc, candidate, packet, peer))
  return {
    kind: 'network-acl',
    subnetId,
    ...(acl.id === undefined ? {} : { aclId: acl.id }),
    direction,
    ...(entry ? { entry } : {}),
    isPassed: entry?.isAllowed ?? false,
  }
}

/** Why a check does not let a packet through; undefined when it does. Pure. */
export function obstacleOf(
  vpc: VpcNetwork,
  hop: GroupHop | AclHop,
  packet: Packet,
  isOfAnswer: boolean,
): Obstacle | undefined {
  const what = describePacket(packet)
  if (hop.kind === 'security-group') {
    if (hop.rule) return undefined
    const rules = vpc.groups.filter(({ id }) => hop.groupIds.includes(id)).flatMap((group) => group[hop.direction])
    const groups = hop.groupIds.join(', ')
    const way = hop.direction === 'ingress' ? 'in' : 'out'
    return {
      code: rules.length === 0 ? 'SG_HAS_NO_RULES' : 'ENI_SG_RULES_MISMATCH',
      text:
        rules.length === 0
          ? `${groups || 'no security group'} of ${hop.interfaceId} lets nothing ${way}`
          : `no ${hop.direction} rule of ${groups} of ${hop.interfaceId} lets ${what} ${way}`,
      isOfAnswer,
      interfaceId: hop.interfaceId,
      hop,
    }
  }
  if (hop.isPassed) return undefined
  const number = hop.entry?.ruleNumber
  const by = number === undefined ? 'no entry lets it pass' : `${hop.direction} entry ${number} denies it`
  return {
    code: 'SUBNET_ACL_RESTRICTION',
    text: `the network ACL ${hop.aclId ?? ''} of ${hop.subnetId} stops ${what}: ${by}`,
    isOfAnswer,
    subnetId: hop.subnetId,
    hop,
  }
}

/** `tcp from 172.31.0.5 to 172.31.0.6 port 80`. */
export function describePacket({ protocol, source, destination, destinationPort, icmpType }: Packet): string {
  const port = protocol === 'icmp' ? `type ${icmpType ?? 8}` : `port ${destinationPort}`
  return `${protocol} from ${source} to ${destination} ${port}`
}
