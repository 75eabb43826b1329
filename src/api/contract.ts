import type { GetCallerIdentityResponse } from '@aws-sdk/client-sts'
import type { z } from 'zod'
import type { SendKeyResponse } from '../ec2/instance-connect/pushed-key.ts'
import type { SendSerialConsoleKeyRequest } from '../ec2/instance-connect/send-serial-console-ssh-public-key.ts'
import type { SendSshPublicKeyRequest } from '../ec2/instance-connect/send-ssh-public-key.ts'
import type { Ec2Operations } from '../ec2-model/operations.ts'
import type { KilnOutputs, kilnInputs } from './kiln-operations.ts'

/** Input and output of every operation that dispatch may be asked for, by its name. */
export type Operations = Ec2Operations & {
  [Name in keyof typeof kilnInputs]: { input: z.input<(typeof kilnInputs)[Name]>; output: KilnOutputs[Name] }
} & {
  GetCallerIdentity: { input: Record<string, never>; output: GetCallerIdentityResponse }
  SendSSHPublicKey: { input: SendSshPublicKeyRequest; output: SendKeyResponse }
  SendSerialConsoleSSHPublicKey: { input: SendSerialConsoleKeyRequest; output: SendKeyResponse }
}

export type OperationName = keyof Operations
export type OperationInput<Name extends OperationName> = Operations[Name]['input']
export type OperationOutput<Name extends OperationName> = Operations[Name]['output']

/** How a value looks after its way through JSON: times are ISO 8601 texts, bytes base64 texts. */
export type Jsonified<T> = T extends Date | Uint8Array
  ? string
  : T extends readonly (infer Item)[]
    ? Jsonified<Item>[]
    : T extends object
      ? { [Key in keyof T]: Jsonified<T[Key]> }
      : T

/**
 * Calls an operation of the daemon and returns what it answered. Rejects with `OperationError`.
 * The same signature over the unix socket (cli/client.ts) and in process.
 */
export interface OperationCaller {
  <Name extends OperationName>(name: Name, input: OperationInput<Name>): Promise<Jsonified<OperationOutput<Name>>>
}

/** An operation was refused or failed; code and message are EC2's. */
export class OperationError extends Error {
  override readonly name = 'OperationError'
  readonly code: string
  readonly requestId: string | undefined

  constructor(code: string, message: string, requestId?: string) {
    super(message)
    this.code = code
    this.requestId = requestId
  }
}
