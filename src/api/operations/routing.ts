import type { Domain } from '../../ec2/domain.ts'
import { attachInternetGateway, detachInternetGateway } from '../../ec2/internet-gateway/attach-gateway.ts'
import { createInternetGateway, deleteInternetGateway } from '../../ec2/internet-gateway/create-gateway.ts'
import { describeInternetGateways } from '../../ec2/internet-gateway/describe-gateways.ts'
import {
  associateRouteTable,
  disassociateRouteTable,
  replaceRouteTableAssociation,
} from '../../ec2/route-table/associate-table.ts'
import { createRoute, deleteRoute, replaceRoute } from '../../ec2/route-table/change-routes.ts'
import { createRouteTable, deleteRouteTable } from '../../ec2/route-table/create-table.ts'
import { describeRouteTables } from '../../ec2/route-table/describe-tables.ts'
import {
  createEgressOnlyInternetGateway,
  deleteEgressOnlyInternetGateway,
} from '../../ec2/egress-only-gateway/create-gateway.ts'
import { describeEgressOnlyInternetGateways } from '../../ec2/egress-only-gateway/describe-gateways.ts'
import { createNatGateway } from '../../ec2/nat-gateway/create-gateway.ts'
import { deleteNatGateway } from '../../ec2/nat-gateway/delete-gateway.ts'
import { describeNatGateways } from '../../ec2/nat-gateway/describe-gateways.ts'
import type { AnyOperation } from '../dispatch.ts'

export function routingOperations(domain: Domain) {
  return {
    CreateInternetGateway: createInternetGateway(domain),
    AttachInternetGateway: attachInternetGateway(domain),
    DetachInternetGateway: detachInternetGateway(domain),
    DeleteInternetGateway: deleteInternetGateway(domain),
    DescribeInternetGateways: describeInternetGateways(domain),
    CreateEgressOnlyInternetGateway: createEgressOnlyInternetGateway(domain),
    DeleteEgressOnlyInternetGateway: deleteEgressOnlyInternetGateway(domain),
    DescribeEgressOnlyInternetGateways: describeEgressOnlyInternetGateways(domain),
    CreateNatGateway: createNatGateway(domain),
    DeleteNatGateway: deleteNatGateway(domain),
    DescribeNatGateways: describeNatGateways(domain),
    CreateRouteTable: createRouteTable(domain),
    DeleteRouteTable: deleteRouteTable(domain),
    DescribeRouteTables: describeRouteTables(domain),
    AssociateRouteTable: associateRouteTable(domain),
    DisassociateRouteTable: disassociateRouteTable(domain),
    ReplaceRouteTableAssociation: replaceRouteTableAssociation(domain),
    CreateRoute: createRoute(domain),
    ReplaceRoute: replaceRoute(domain),
    DeleteRoute: deleteRoute(domain),
  } satisfies Record<string, AnyOperation>
}
