import type { HostnameType } from '../network-interface/dns-name.ts'
import type { ResourceRecord } from '../ports/store.ts'

export interface SubnetRecord extends ResourceRecord {
  readonly vpcId: string
  readonly cidr: string
  /** Its block of IPv6 addresses; absent: none. */
  readonly ipv6?: SubnetIpv6Association
  /** Whether what is launched or made in it gets an IPv6 address without asking; absent: it does not. */
  readonly assignIpv6AddressOnCreation?: boolean
  readonly availabilityZone: string
  readonly availabilityZoneId: string
  readonly mapPublicIpOnLaunch: boolean
  readonly isDefaultForAz: boolean
  /** Whether the names of instance ids resolve for what is launched in it; absent: they do. */
  readonly hasResourceNames?: boolean
  /** The same of IPv6 addresses; absent: they do not. */
  readonly hasResourceNamesAaaa?: boolean
  /** What instances that are launched in it call themselves; absent: `ip-name`. */
  readonly hostnameType?: HostnameType
}

/** The block of IPv6 addresses of a subnet. */
export interface SubnetIpv6Association {
  /** `subnet-cidr-assoc-…` */
  readonly id: string
  readonly cidr: string
}

/** Whether the names of instance ids resolve for what is launched in a subnet. */
export function hasResourceNames(subnet: SubnetRecord): boolean {
  return subnet.hasResourceNames ?? true
}
