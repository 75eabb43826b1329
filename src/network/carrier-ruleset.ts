import { natDeviceOf, type VpcNetwork } from '../ec2/ports/vpc-network.ts'
import { familiesOf, hasIpv6 } from './family.ts'
import { addressesOf } from './interface-address.ts'
import { hasInterfaceRoutes, routingOf, usedNatGateways } from './routing-table.ts'
import { set } from './rule-line.ts'

/** What routes through guests and NAT gateways add to a VPC's ruleset; nothing where there are none. */
export interface CarrierRuleset {
  /** Sets, maps and chains. */
  readonly declarations: string[]
  /** For every packet that is forwarded. */
  readonly checks: string[]
  /** For the first packets of connections. */
  readonly admission: string[]
  /** After the sender's groups have let it through. */
  readonly passage: string[]
}

/** One look at a map chooses the routing table of a packet, however many subnets and tables there are. Pure. */
export function carrierRuleset(vpc: VpcNetwork, egressInterface: string): CarrierRuleset {
  const parts = [routingTables(vpc), destinationCheck(vpc), natGateways(vpc, egressInterface)]
  return {
    declarations: parts.flatMap(({ declarations = [] }) => declarations),
    checks: parts.flatMap(({ checks = [] }) => checks),
    admission: parts.flatMap(({ admission = [] }) => admission),
    passage: parts.flatMap(({ passage = [] }) => passage),
  }
}

function routingTables(vpc: VpcNetwork): Partial<CarrierRuleset> {
  const { marks } = routingOf(vpc)
  if (marks.size === 0) return {}
  const elements = [...marks].map(([device, mark]) => `"${device}" : ${mark}`)
  return {
    declarations: [
      `  map routing_tables { type ifname : mark; elements = { ${elements.join(', ')} }; }`,
      '  chain prerouting {',
      '    type filter hook prerouting priority mangle; policy accept;',
      '    meta mark set iifname map @routing_tables',
      '  }',
    ],
  }
}

/** Where a route leads to an interface, packets come to it that are not for it: with the check on, it gets none of them. */
function destinationCheck(vpc: VpcNetwork): Partial<CarrierRuleset> {
  if (!hasInterfaceRoutes(vpc)) return {}
  const checked = vpc.interfaces.filter(({ hasSourceDestCheck }) => hasSourceDestCheck)
  const unchecked = vpc.interfaces.filter(({ hasSourceDestCheck }) => !hasSourceDestCheck)
  const families = familiesOf(vpc)
  return {
    declarations: [
      ...families.map((family) =>
        set(
          `receivers${family.suffix}`,
          `ifname . ${family.address}`,
          checked.flatMap((owner) => addressesOf(owner, family).map((address) => `"${owner.tapName}" . ${address}`)),
        ),
      ),
      set(
        'carriers',
        'ifname',
        unchecked.map(({ tapName }) => `"${tapName}"`),
      ),
      '  chain destination_check {',
      ...families.map(({ ip, suffix }) => `    oifname . ${ip} daddr @receivers${suffix} return`),
      '    oifname @carriers return',
      '    drop',
      '  }',
    ],
    checks: ['    oifname "eni*" jump destination_check'],
  }
}

/** A NAT gateway has no groups; what it sends of its own accord has its own address. */
function natGateways(vpc: VpcNetwork, egressInterface: string): Partial<CarrierRuleset> {
  const used = usedNatGateways(vpc)
  if (used.length === 0) return {}
  return {
    declarations: [
      set(
        'nat_senders',
        'ifname . ipv4_addr',
        used.map(({ id, privateIp }) => `"${natDeviceOf(id)}" . ${privateIp}`),
      ),
    ],
    admission: [
      '    iifname "nat*" iifname . ip saddr != @nat_senders drop',
      ...(hasIpv6(vpc) ? ['    iifname "nat*" meta nfproto ipv6 drop'] : []),
    ],
    passage: [
      '    iifname "eni*" oifname "nat*" accept',
      `    iifname "nat*" oifname { "${egressInterface}", "nat*" } accept`,
      '    iifname "nat*" oifname "eni*" goto to_interface',
    ],
  }
}
