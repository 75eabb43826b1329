import type { ApiLab } from './api-lab.ts'

/** Makes a VPC; answers its id. */
export async function createVpc({ lab }: ApiLab, cidr = '10.0.0.0/16'): Promise<string> {
  return (await lab.call('CreateVpc', { CidrBlock: cidr })).Vpc?.VpcId ?? ''
}

/** Makes a subnet; answers its id. */
export async function createSubnet({ lab }: ApiLab, vpcId: string, cidr: string, zone = 'us-east-1a'): Promise<string> {
  const { Subnet: made } = await lab.call('CreateSubnet', { VpcId: vpcId, CidrBlock: cidr, AvailabilityZone: zone })
  return made?.SubnetId ?? ''
}

/** Makes an internet gateway, attached when a VPC is given; answers its id. */
export async function createGateway({ lab }: ApiLab, vpcId?: string): Promise<string> {
  const { InternetGateway: made } = await lab.call('CreateInternetGateway', {})
  const id = made?.InternetGatewayId ?? ''
  if (vpcId) await lab.call('AttachInternetGateway', { InternetGatewayId: id, VpcId: vpcId })
  return id
}

/** The route tables of a VPC that the filters let through. */
export async function tablesOf({ lab }: ApiLab, vpcId: string, ...filters: { Name: string; Values: string[] }[]) {
  const { RouteTables: tables } = await lab.call('DescribeRouteTables', {
    Filters: [{ Name: 'vpc-id', Values: [vpcId] }, ...filters],
  })
  return tables ?? []
}

/** The id of the region's default VPC. */
export async function defaultVpcId({ lab }: ApiLab): Promise<string> {
  const { Vpcs: found } = await lab.call('DescribeVpcs', { Filters: [{ Name: 'is-default', Values: ['true'] }] })
  return found?.[0]?.VpcId ?? ''
}
