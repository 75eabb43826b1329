import ipaddr from 'ipaddr.js'
import type { Ipv6HostNetwork } from '../../ec2/ports/vpc-names.ts'
import type { VpcNetwork } from '../../ec2/ports/vpc-network.ts'
import { hasIpv6 } from '../family.ts'
import { describeSubnet } from '../subnet.ts'
import type { DnsReply } from './message.ts'

/** The names that a VPC has by itself. */
export interface OwnNames {
  /**
   * What the VPC says of a name and type; undefined when others are to be asked. Nobody else is asked for its domain: the world would
   * not know it, or would learn what it need not.
   */
  lookUp(name: string, type: string): DnsReply | undefined
}

/** Names of this host's own (host-names.ts): guests are not told what else runs on it. */
export const hostDomain = 'kiln'
/** EC2's time to live of private names, in seconds. */
export const ownTtl = 60

/** Pure. */
export function createOwnNames(vpc: VpcNetwork): OwnNames {
  const hosts = hostsOf(vpc)
  const addresses = new Map(hosts.flatMap(({ privateIp, names }) => names.map((name) => [name, privateIp])))
  const firstNames = new Map(hosts.flatMap(({ privateIp, names: [first] }) => (first ? [[privateIp, first]] : [])))
  const ipv6Hosts = ipv6HostsOf(vpc)
  const ipv6Addresses = new Map(ipv6Hosts.flatMap(({ address, names }) => names.map((name) => [name, address])))
  const ipv6Names = new Map(ipv6Hosts.flatMap(({ address, names: [first] }) => (first ? [[address, first]] : [])))
  const ipv6Blocks = (vpc.ipv6Cidrs ?? []).map((cidr) => ipaddr.IPv6.parseCIDR(cidr))
  const blocks = [vpc.cidr, ...vpc.secondaryCidrs].map(rangeOf)

  function isInside(address: string): boolean {
    const number = numberOf(address)
    return blocks.some(({ first, last }) => number >= first && number <= last)
  }

  /** `ip-10-0-0-5.ec2.internal` is 10.0.0.5, whoever has that address. */
  function synthesised(name: string): string | undefined {
    const [, label = '', domain] = /^ip-(\d+-\d+-\d+-\d+)\.(.+)$/.exec(name) ?? []
    const address = label.replaceAll('-', '.')
    return domain === vpc.domain && isAddress(address) && isInside(address) ? address : undefined
  }

  /**
   * Reverse rules that Route 53 Resolver defines by itself hold for all blocks of a VPC ("Domain names that Resolver creates autodefined system
   * rules for"), not for addresses in use alone.
   */
  function nameOf(address: string): string | undefined {
    const synthetic = `ip-${address.replaceAll('.', '-')}.${vpc.domain}`
    return firstNames.get(address) ?? (isInside(address) ? synthetic : undefined)
  }

  /** What the VPC says of the reverse of an IPv6 address of its own: the world has no unique local addresses. */
  function lookUpIpv6(name: string, type: string): DnsReply | undefined {
    const address = ipv6OfReverse(name)
    if (address === undefined) return undefined
    const parsed = ipaddr.IPv6.parse(address)
    if (!ipv6Blocks.some((block) => parsed.match(block))) return undefined
    const data = ipv6Names.get(address)
    if (data === undefined) return { code: 'NXDOMAIN' }
    return { code: 'NOERROR', answers: type === 'PTR' ? [{ name, type: 'PTR', ttl: ownTtl, data }] : [] }
  }

  return {
    lookUp: (name, type) => {
      const address = addresses.get(name) ?? synthesised(name)
      const ipv6Address = ipv6Addresses.get(name)
      if (address !== undefined || ipv6Address !== undefined) {
        const answers = [
          ...(type === 'A' && address !== undefined ? [{ name, type, ttl: ownTtl, data: address } as const] : []),
          ...(type === 'AAAA' && ipv6Address !== undefined
            ? [{ name, type, ttl: ownTtl, data: ipv6Address } as const]
            : []),
        ]
        return { code: 'NOERROR', answers }
      }
      const reverse = lookUpIpv6(name, type)
      if (reverse) return reverse
      if (isOurs(name, vpc.domain)) return { code: name === vpc.domain ? 'NOERROR' : 'NXDOMAIN' }
      const asked = addressOfReverse(name)
      const data = asked === undefined ? undefined : nameOf(asked)
      if (data === undefined) return undefined
      return { code: 'NOERROR', answers: type === 'PTR' ? [{ name, type: 'PTR', ttl: ownTtl, data }] : [] }
    },
  }
}

/** The names of a VPC's private addresses: those of its interfaces, and those without a tap. */
export function hostsOf(vpc: VpcNetwork): { readonly privateIp: string; readonly names: readonly string[] }[] {
  return [
    ...vpc.interfaces.flatMap(({ privateIp, dnsNames, secondaryAddresses = [] }) => [
      { privateIp, names: dnsNames },
      ...secondaryAddresses.map((secondary) => ({ privateIp: secondary.privateIp, names: secondary.dnsNames })),
    ]),
    ...(vpc.names?.hosts ?? []),
  ]
}

/** The IPv6 addresses of a VPC with their names, which most have none of; none where it carries no IPv6. */
export function ipv6HostsOf(vpc: VpcNetwork): Ipv6HostNetwork[] {
  if (!hasIpv6(vpc)) return []
  return [...vpc.interfaces.flatMap(({ ipv6Addresses = [] }) => ipv6Addresses), ...(vpc.names?.ipv6Hosts ?? [])]
}

/** The address that a name of ip6.arpa stands for, in its canonical form. Pure. */
export function ipv6OfReverse(name: string): string | undefined {
  const [, reversed] = /^((?:[0-9a-f]\.){32})ip6\.arpa$/.exec(name) ?? []
  if (reversed === undefined) return undefined
  const digits = reversed.split('.').toReversed().join('')
  return ipaddr.IPv6.parse(digits.replaceAll(/(....)(?!$)/g, '$1:')).toRFC5952String()
}

/** The address that a name of in-addr.arpa stands for. Pure. */
export function addressOfReverse(name: string): string | undefined {
  const [, reversed = ''] = /^([\d.]+)\.in-addr\.arpa$/.exec(name) ?? []
  const address = reversed.split('.').reverse().join('.')
  return isAddress(address) ? address : undefined
}

function isOurs(name: string, domain: string): boolean {
  return (
    [domain, hostDomain].some((ours) => name === ours || name.endsWith(`.${ours}`)) ||
    // Public names of loopback addresses: only this host's VPCs have any.
    /^ec2-127-\d+-\d+-\d+\.([a-z0-9-]+\.compute|compute-1)\.amazonaws\.com$/.test(name)
  )
}

function isAddress(text: string): boolean {
  return /^(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}$/.test(text) && text.split('.').every((octet) => Number(octet) < 256)
}

function rangeOf(cidr: string): { first: number; last: number } {
  const { network, prefixLength } = describeSubnet(cidr)
  const first = numberOf(network)
  return { first, last: first + 2 ** (32 - prefixLength) - 1 }
}

function numberOf(address: string): number {
  return address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0)
}
