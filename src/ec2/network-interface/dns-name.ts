import { privateDomainOf, publicDomainOf } from '../vpc/vpc.ts'

/** `ip-172-31-0-5.ec2.internal` */
export function privateNameOf(privateIp: string, region: string): string {
  return `ip-${privateIp.replaceAll('.', '-')}.${privateDomainOf(region)}`
}

/** `ec2-127-80-0-10.compute-1.amazonaws.com` */
export function publicNameOf(publicIp: string, region: string): string {
  return `ec2-${publicIp.replaceAll('.', '-')}.${publicDomainOf(region)}`
}
