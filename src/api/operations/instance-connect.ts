import { createInstanceConnectEndpoint } from '../../ec2/connect-endpoint/create-endpoint.ts'
import { deleteInstanceConnectEndpoint } from '../../ec2/connect-endpoint/delete-endpoint.ts'
import { describeInstanceConnectEndpoints } from '../../ec2/connect-endpoint/describe-endpoints.ts'
import { modifyInstanceConnectEndpoint } from '../../ec2/connect-endpoint/modify-endpoint.ts'
import type { Domain } from '../../ec2/domain.ts'
import { sendSerialConsoleSshPublicKey } from '../../ec2/instance-connect/send-serial-console-ssh-public-key.ts'
import { sendSshPublicKey } from '../../ec2/instance-connect/send-ssh-public-key.ts'
import type { AnyOperation } from '../dispatch.ts'

/** EC2's operations for Instance Connect Endpoints, and those of EC2 Instance Connect itself, answered on the same port. */
export function instanceConnectOperations(domain: Domain) {
  return {
    CreateInstanceConnectEndpoint: createInstanceConnectEndpoint(domain),
    DescribeInstanceConnectEndpoints: describeInstanceConnectEndpoints(domain),
    ModifyInstanceConnectEndpoint: modifyInstanceConnectEndpoint(domain),
    DeleteInstanceConnectEndpoint: deleteInstanceConnectEndpoint(domain),
    SendSSHPublicKey: sendSshPublicKey(domain),
    SendSerialConsoleSSHPublicKey: sendSerialConsoleSshPublicKey(domain),
  } satisfies Record<string, AnyOperation>
}
