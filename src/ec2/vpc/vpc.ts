import type { ResourceRecord } from '../ports/store.ts'

/** Whose the hardware is. Kept and told: here all instances share one host. */
export type Tenancy = 'default' | 'dedicated'

export interface VpcRecord extends ResourceRecord {
  readonly cidr: string
  readonly isDefault: boolean
  /** `default` when its guests are told of nothing. */
  readonly dhcpOptionsId: string
  /** Blocks that were added to the first one. */
  readonly secondaryCidrs?: readonly CidrAssociation[]
  /** Its blocks of IPv6 addresses, each a /56; absent: none. */
  readonly ipv6Cidrs?: readonly CidrAssociation[]
  /** Of instances that are launched in it; absent: `default`. */
  readonly tenancy?: Tenancy
  /** Whether the VPC's resolver answers; absent: it does. */
  readonly hasDnsSupport?: boolean
  /** Whether instances with public addresses have public names; absent: in a default VPC alone. */
  readonly hasDnsHostnames?: boolean
  /** Kept and told; absent: false. */
  readonly hasAddressUsageMetrics?: boolean
}

/** A block of a VPC besides its first one. */
export interface CidrAssociation {
  /** `vpc-cidr-assoc-…` */
  readonly id: string
  readonly cidr: string
}

/** All blocks of a VPC, the first one first. */
export function cidrsOf({ cidr, secondaryCidrs = [] }: VpcRecord): string[] {
  return [cidr, ...secondaryCidrs.map((secondary) => secondary.cidr)]
}

/** All blocks of IPv6 addresses of a VPC. */
export function ipv6CidrsOf({ ipv6Cidrs = [] }: VpcRecord): string[] {
  return ipv6Cidrs.map(({ cidr }) => cidr)
}

/** What is local to a VPC: all of its blocks, IPv4 first. */
export function localCidrsOf(vpc: VpcRecord): string[] {
  return [...cidrsOf(vpc), ...ipv6CidrsOf(vpc)]
}

/** Whether the VPC's resolver answers its guests. */
export function hasDnsSupport(vpc: VpcRecord): boolean {
  return vpc.hasDnsSupport ?? true
}

/** What `enableDnsHostnames` of a VPC is set to. */
export function hasDnsHostnames(vpc: VpcRecord): boolean {
  return vpc.hasDnsHostnames ?? vpc.isDefault
}

/** Whether instances of a VPC with public addresses have public names: as on EC2, both attributes have to be on. */
export function givesPublicNames(vpc: VpcRecord): boolean {
  return hasDnsSupport(vpc) && hasDnsHostnames(vpc)
}

/** Domain of the private names of a region (EC2 documentation, "Amazon DNS attributes for your VPC"). */
export function privateDomainOf(region: string): string {
  return region === 'us-east-1' ? 'ec2.internal' : `${region}.compute.internal`
}

/** Domain of the public names of a region. */
export function publicDomainOf(region: string): string {
  return region === 'us-east-1' ? 'compute-1.amazonaws.com' : `${region}.compute.amazonaws.com`
}
