import { z } from 'zod'
import type { Domain } from '../domain.ts'
import type { Mutation } from '../operation.ts'
import { connectInstanceNotFound, connectThrottled } from './instance-connect-error.ts'
import {
  connectShapes,
  findConnectable,
  readInput,
  readKey,
  requireRunning,
  type SendKeyResponse,
} from './pushed-key.ts'

const sshKeySchema = z.strictObject({
  InstanceId: connectShapes.instanceId,
  InstanceOSUser: z
    .string()
    .max(32)
    .regex(/^[A-Za-z_][A-Za-z0-9@._-]{0,30}[A-Za-z0-9$_-]?$/),
  SSHPublicKey: connectShapes.publicKey,
  AvailabilityZone: z
    .string()
    .regex(/^(\w+-){2,3}\d+\w+$/)
    .max(32)
    .optional(),
})

export type SendSshPublicKeyRequest = z.input<typeof sshKeySchema>

/** EC2 Instance Connect SendSSHPublicKey: the instance's metadata service tells the key to its sshd for a minute. */
export function sendSshPublicKey(domain: Domain): Mutation<SendSshPublicKeyRequest, SendKeyResponse> {
  return {
    kind: 'mutation',
    parameters: ['InstanceId', 'InstanceOSUser', 'SSHPublicKey', 'AvailabilityZone'],
    apply: (context, input) => {
      const { InstanceId, InstanceOSUser, SSHPublicKey, AvailabilityZone } = readInput(sshKeySchema, input)
      const instance = findConnectable(domain, context, InstanceId)
      requireRunning(instance)
      if (AvailabilityZone !== undefined && AvailabilityZone !== instance.availabilityZone) {
        throw connectInstanceNotFound(InstanceId)
      }
      const isPushed = domain.activeKeys.push({
        instanceId: instance.id,
        user: InstanceOSUser,
        publicKey: readKey(SSHPublicKey),
        caller: context.identity.arn,
        requestId: context.requestId,
      })
      if (!isPushed) throw connectThrottled()
      return { RequestId: context.requestId, Success: true }
    },
  }
}
