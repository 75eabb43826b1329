import type { ApiLab } from '../api-lab.ts'

/** A VPC with a block of IPv6 addresses. */
export async function createDualStackVpc({
  lab,
}: ApiLab): Promise<{ vpcId: string; block: string; associationId: string }> {
  const { Vpc: made } = await lab.call('CreateVpc', { CidrBlock: '10.0.0.0/16', AmazonProvidedIpv6CidrBlock: true })
  const [association] = made?.Ipv6CidrBlockAssociationSet ?? []
  return {
    vpcId: made?.VpcId ?? '',
    block: association?.Ipv6CidrBlock ?? '',
    associationId: association?.AssociationId ?? '',
  }
}

/** A subnet of both families, with the association of its block of IPv6 addresses. */
export async function createDualStackSubnet({ lab }: ApiLab, vpcId: string, cidr: string, ipv6: string) {
  const { Subnet: made } = await lab.call('CreateSubnet', { VpcId: vpcId, CidrBlock: cidr, Ipv6CidrBlock: ipv6 })
  return { subnetId: made?.SubnetId ?? '', association: made?.Ipv6CidrBlockAssociationSet?.[0] }
}

/** The subnet's block of that number in a VPC's. */
export function blockIn(vpcBlock: string, number: number): string {
  const [, start = ''] = /^(.*?)::\/56$/.exec(vpcBlock) ?? []
  const parts = start.split(':')
  const padded = [...parts, ...Array.from({ length: 4 - parts.length }, () => '0')]
  const last = (Number.parseInt(padded[3] ?? '0', 16) + number).toString(16)
  return `${[...padded.slice(0, 3), last].join(':')}::/64`
}
