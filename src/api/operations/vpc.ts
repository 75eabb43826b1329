import type { Domain } from '../../ec2/domain.ts'
import { associateDhcpOptions } from '../../ec2/dhcp-options/associate-options.ts'
import { createDhcpOptions, deleteDhcpOptions } from '../../ec2/dhcp-options/create-options.ts'
import { describeDhcpOptions } from '../../ec2/dhcp-options/describe-options.ts'
import {
  createSubnetCidrReservation,
  deleteSubnetCidrReservation,
  getSubnetCidrReservations,
} from '../../ec2/subnet/reserve-cidr.ts'
import { createSubnet, deleteSubnet } from '../../ec2/subnet/create-subnet.ts'
import { associateSubnetCidrBlock, disassociateSubnetCidrBlock } from '../../ec2/subnet/ipv6-association.ts'
import { describeSubnets } from '../../ec2/subnet/describe-subnets.ts'
import { modifySubnetAttribute } from '../../ec2/subnet/modify-subnet.ts'
import { describeVpcClassicLink, describeVpcClassicLinkDnsSupport } from '../../ec2/vpc/classic-link.ts'
import { createDefaultSubnet, createDefaultVpc } from '../../ec2/vpc/create-default.ts'
import { createVpc, deleteVpc } from '../../ec2/vpc/create-vpc.ts'
import { describeVpcs } from '../../ec2/vpc/describe-vpcs.ts'
import { describeVpcAttribute, modifyVpcAttribute, modifyVpcTenancy } from '../../ec2/vpc/vpc-attribute.ts'
import { associateVpcCidrBlock, disassociateVpcCidrBlock } from '../../ec2/vpc/vpc-cidr.ts'
import type { AnyOperation } from '../dispatch.ts'

export function vpcOperations(domain: Domain) {
  return {
    CreateVpc: createVpc(domain),
    DeleteVpc: deleteVpc(domain),
    DescribeVpcs: describeVpcs(domain),
    DescribeVpcAttribute: describeVpcAttribute(domain),
    ModifyVpcAttribute: modifyVpcAttribute(domain),
    ModifyVpcTenancy: modifyVpcTenancy(domain),
    CreateDefaultVpc: createDefaultVpc(domain),
    CreateDefaultSubnet: createDefaultSubnet(domain),
    AssociateVpcCidrBlock: associateVpcCidrBlock(domain),
    DisassociateVpcCidrBlock: disassociateVpcCidrBlock(domain),
    DescribeVpcClassicLink: describeVpcClassicLink(domain),
    DescribeVpcClassicLinkDnsSupport: describeVpcClassicLinkDnsSupport(domain),
    CreateSubnet: createSubnet(domain),
    DeleteSubnet: deleteSubnet(domain),
    DescribeSubnets: describeSubnets(domain),
    ModifySubnetAttribute: modifySubnetAttribute(domain),
    AssociateSubnetCidrBlock: associateSubnetCidrBlock(domain),
    DisassociateSubnetCidrBlock: disassociateSubnetCidrBlock(domain),
    CreateSubnetCidrReservation: createSubnetCidrReservation(domain),
    GetSubnetCidrReservations: getSubnetCidrReservations(domain),
    DeleteSubnetCidrReservation: deleteSubnetCidrReservation(domain),
    CreateDhcpOptions: createDhcpOptions(domain),
    DescribeDhcpOptions: describeDhcpOptions(domain),
    AssociateDhcpOptions: associateDhcpOptions(domain),
    DeleteDhcpOptions: deleteDhcpOptions(domain),
  } satisfies Record<string, AnyOperation>
}
