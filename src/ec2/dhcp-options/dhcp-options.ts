import type { DhcpNetwork } from '../ports/dhcp.ts'
import type { ResourceRecord } from '../ports/store.ts'

/** What the guests of VPCs are told by DHCP. */
export interface DhcpOptionsRecord extends ResourceRecord {
  /** In the order and spelling of their creation. */
  readonly configurations: readonly DhcpConfiguration[]
}

export interface DhcpConfiguration {
  readonly key: DhcpOptionName
  readonly values: readonly string[]
}

/** EC2's options. */
export const dhcpOptionNames = [
  'domain-name',
  'domain-name-servers',
  'ntp-servers',
  'netbios-name-servers',
  'netbios-node-type',
  'ipv6-address-preferred-lease-time',
] as const
export type DhcpOptionName = (typeof dhcpOptionNames)[number]

/** What stands in a VPC's record in the place of an id when its guests are told of nothing. */
export const noDhcpOptions = 'default'

/** Options as the network takes them; of a VPC without any, nothing. */
export function describeDhcp(record: DhcpOptionsRecord | undefined): DhcpNetwork {
  const valuesOf = (name: DhcpOptionName) => record?.configurations.find(({ key }) => key === name)?.values ?? []
  const [domainName] = valuesOf('domain-name')
  const [nodeType] = valuesOf('netbios-node-type')
  const [preferredLease] = valuesOf('ipv6-address-preferred-lease-time')
  return {
    ...(domainName === undefined ? {} : { domainName }),
    nameServers: valuesOf('domain-name-servers'),
    ntpServers: valuesOf('ntp-servers'),
    netbiosNameServers: valuesOf('netbios-name-servers'),
    ...(nodeType === undefined ? {} : { netbiosNodeType: Number(nodeType) }),
    ...(preferredLease === undefined ? {} : { ipv6PreferredLeaseSeconds: Number(preferredLease) }),
  }
}
