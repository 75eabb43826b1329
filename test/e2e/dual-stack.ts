import type { Lab } from './lab.ts'

/** Gives the default VPC of a lab and its first default subnet a block of IPv6 addresses; answers the subnet's id. */
export async function giveIpv6({ call }: Lab): Promise<string> {
  const isDefault = { Name: 'is-default', Values: ['true'] }
  const { Vpcs: vpcs } = await call('DescribeVpcs', { Filters: [isDefault] })
  const VpcId = vpcs?.[0]?.VpcId ?? ''
  const given = await call('AssociateVpcCidrBlock', { VpcId, AmazonProvidedIpv6CidrBlock: true })
  const block = given.Ipv6CidrBlockAssociation?.Ipv6CidrBlock ?? ''
  const { Subnets: subnets } = await call('DescribeSubnets', { Filters: [{ Name: 'vpc-id', Values: [VpcId] }] })
  const SubnetId = subnets?.[0]?.SubnetId ?? ''
  await call('AssociateSubnetCidrBlock', { SubnetId, Ipv6CidrBlock: block.replace('/56', '/64') })
  return SubnetId
}
