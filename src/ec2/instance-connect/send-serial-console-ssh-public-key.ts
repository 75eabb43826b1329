import { z } from 'zod'
import type { Domain } from '../domain.ts'
import { serialConsoleAccess } from '../instance/serial-console-access.ts'
import type { Mutation } from '../operation.ts'
import {
  connectThrottled,
  serialConsoleAccessDisabled,
  serialConsoleTypeInvalid,
  serialSessionLimitExceeded,
} from './instance-connect-error.ts'
import {
  connectShapes,
  findConnectable,
  readInput,
  readKey,
  requireRunning,
  type SendKeyResponse,
} from './pushed-key.ts'
import { serialConsoleUser } from './serial-console-login.ts'

const serialKeySchema = z.strictObject({
  InstanceId: connectShapes.instanceId,
  SerialPort: z.literal(0, 'there is port 0 alone').optional(),
  SSHPublicKey: connectShapes.publicKey,
})

export type SendSerialConsoleKeyRequest = z.input<typeof serialKeySchema>

/** EC2 Instance Connect SendSerialConsoleSSHPublicKey: who has the key's other half may open the serial console by SSH for a minute. */
export function sendSerialConsoleSshPublicKey(domain: Domain): Mutation<SendSerialConsoleKeyRequest, SendKeyResponse> {
  const { store, instanceTypes, serialConsoleKeys, serialSessions } = domain
  return {
    kind: 'mutation',
    parameters: ['InstanceId', 'SerialPort', 'SSHPublicKey'],
    apply: (context, input) => {
      const { InstanceId, SSHPublicKey } = readInput(serialKeySchema, input)
      const publicKey = readKey(SSHPublicKey)
      if (!serialConsoleAccess.get(store, context).isEnabled) throw serialConsoleAccessDisabled()
      const instance = findConnectable(domain, context, InstanceId)
      if (instanceTypes.get(instance.instanceType).hypervisor !== 'nitro') {
        throw serialConsoleTypeInvalid(instance.instanceType)
      }
      requireRunning(instance)
      if (serialSessions.has(instance.id)) throw serialSessionLimitExceeded()
      const isPushed = serialConsoleKeys.push({
        instanceId: instance.id,
        user: serialConsoleUser(instance.id),
        publicKey,
        caller: context.identity.arn,
        requestId: context.requestId,
      })
      if (!isPushed) throw connectThrottled()
      return { RequestId: context.requestId, Success: true }
    },
  }
}
