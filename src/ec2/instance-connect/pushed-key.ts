import { z } from 'zod'
import type { Domain } from '../domain.ts'
import { Ec2Error } from '../errors.ts'
import type { InstanceRecord } from '../instance/instance.ts'
import { readPublicKey } from '../key-pair/key-material.ts'
import type { Scope } from '../ports/store.ts'
import { connectInstanceNotFound, connectInstanceStateInvalid, invalidArguments } from './instance-connect-error.ts'

/** Shapes of the service's model, version 2018-04-02, that its operations share. */
export const connectShapes = {
  instanceId: z.string().regex(/^i-[a-f0-9]{8,30}$/),
  publicKey: z.string().min(80).max(4096),
} as const

export interface SendKeyResponse {
  RequestId: string
  Success: boolean
}

/** Input as a schema has it. Throws InvalidArgsException, naming the member. */
export function readInput<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const { success, data, error } = schema.safeParse(input)
  if (success) return data
  const [issue] = error.issues
  throw invalidArguments(`${issue?.path.join('.') || 'The request'}: ${issue?.message ?? 'is not valid'}`)
}

/** The caller's own instance. Throws EC2InstanceNotFoundException. */
export function findConnectable({ store }: Domain, scope: Scope, id: string): InstanceRecord {
  const instance = store.instances.get(scope, id)
  if (!instance) throw connectInstanceNotFound(id)
  return instance
}

/** Throws EC2InstanceStateInvalidException for one that does not run. */
export function requireRunning({ id, state }: InstanceRecord): void {
  if (state !== 'running') throw connectInstanceStateInvalid(id, state)
}

/** An RSA or ED25519 key in OpenSSH's format, one line. Throws InvalidArgsException. */
export function readKey(text: string): string {
  try {
    return readPublicKey(Buffer.from(text)).publicKey
  } catch (error) {
    if (!(error instanceof Ec2Error)) throw error
    throw invalidArguments(`SSHPublicKey: ${error.message}`)
  }
}
