import type { Domain } from '../../ec2/domain.ts'
import { acceptVpcPeeringConnection, rejectVpcPeeringConnection } from '../../ec2/vpc-peering/accept-peering.ts'
import { createVpcPeeringConnection } from '../../ec2/vpc-peering/create-peering.ts'
import { describeVpcPeeringConnections } from '../../ec2/vpc-peering/describe-peerings.ts'
import { deleteVpcPeeringConnection } from '../../ec2/vpc-peering/end-peering.ts'
import { modifyVpcPeeringConnectionOptions } from '../../ec2/vpc-peering/peering-options.ts'
import type { AnyOperation } from '../dispatch.ts'

export function vpcPeeringOperations(domain: Domain) {
  return {
    CreateVpcPeeringConnection: createVpcPeeringConnection(domain),
    AcceptVpcPeeringConnection: acceptVpcPeeringConnection(domain),
    RejectVpcPeeringConnection: rejectVpcPeeringConnection(domain),
    DescribeVpcPeeringConnections: describeVpcPeeringConnections(domain),
    DeleteVpcPeeringConnection: deleteVpcPeeringConnection(domain),
    ModifyVpcPeeringConnectionOptions: modifyVpcPeeringConnectionOptions(domain),
  } satisfies Record<string, AnyOperation>
}
