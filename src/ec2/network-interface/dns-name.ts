import { privateDomainOf, publicDomainOf } from '../vpc/vpc.ts'

/** How an instance is called in its VPC. */
export interface PrivateDnsOptions {
  /** `ip-name`: after its address; `resource-name`: after its id. */
  readonly hostnameType: HostnameType
  /** Whether the name after its id resolves to its IPv4 address. */
  readonly hasResourceNameA: boolean
  /** The same of IPv6 addresses. */
  readonly hasResourceNameAaaa: boolean
}

export type HostnameType = 'ip-name' | 'resource-name'

/** `ip-172-31-0-5.ec2.internal` */
export function privateNameOf(privateIp: string, region: string): string {
  return `ip-${privateIp.replaceAll('.', '-')}.${privateDomainOf(region)}`
}

/** `ec2-127-80-0-10.compute-1.amazonaws.com` */
export function publicNameOf(publicIp: string, region: string): string {
  return `ec2-${publicIp.replaceAll('.', '-')}.${publicDomainOf(region)}`
}
