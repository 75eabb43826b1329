import type { ResourceRecord } from '../ports/store.ts'

/** The public half of a key pair; the private half is told once, at creation, and never kept. */
export interface KeyPairRecord extends ResourceRecord {
  readonly name: string
  readonly type: 'rsa' | 'ed25519'
  readonly fingerprint: string
  /** One line, OpenSSH format. */
  readonly publicKey: string
  readonly createTime: string
}
