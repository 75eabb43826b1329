import type { ResourceRecord } from '../ports/store.ts'

export interface VpcRecord extends ResourceRecord {
  readonly cidr: string
  readonly isDefault: boolean
  readonly dhcpOptionsId: string
}

/** Domain of the private names of a region (EC2 documentation, "Amazon DNS attributes for your VPC"). */
export function privateDomainOf(region: string): string {
  return region === 'us-east-1' ? 'ec2.internal' : `${region}.compute.internal`
}

/** Domain of the public names of a region. */
export function publicDomainOf(region: string): string {
  return region === 'us-east-1' ? 'compute-1.amazonaws.com' : `${region}.compute.amazonaws.com`
}
