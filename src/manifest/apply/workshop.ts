import type { OperationCaller } from '../../api/contract.ts'

/** Where private keys are kept. */
export interface KeyFiles {
  pathOf(keyName: string): string
  /** The public half of the private key of that name, which is made first when there is none. */
  ensure(keyName: string, type: 'ed25519' | 'rsa'): Promise<string>
  /** Deletes the private key if it is the one of that public key. */
  remove(keyName: string, publicKey: string): Promise<void>
}

/** What operations are done with. */
export interface Workshop {
  readonly call: OperationCaller
  readonly lab: string
  readonly keyFiles: KeyFiles
  /** Ids of what is there, by address; grows as things are made. */
  readonly ids: Map<string, string>
  readonly signal: AbortSignal
}

/** The id of what an address names; a security group that is not the lab's is its own address. */
export function idOf({ ids }: Workshop, address: string): string {
  return ids.get(address) ?? address
}
