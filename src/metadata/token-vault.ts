import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../host/clock.ts'
import type { Random } from '../host/random.ts'

/** Issues the session tokens of all instances and knows them again. It keeps none: a token proves itself. */
export interface TokenVault {
  /** A new opaque token of that instance, good for so many seconds; 56 characters, as EC2's are. */
  issue(instanceId: string, ttlSeconds: number): string
  /** False for a token that has expired, was not issued here, or is another instance's. */
  isValid(instanceId: string, token: string): boolean
}

export interface TokenVaultDependencies {
  readonly clock: Clock
  readonly random: Random
  /** Kept by the caller, so that tokens outlive the daemon as they outlive EC2's own restarts. */
  readonly secret: Buffer
}

const expiryBytes = 6
const nonceBytes = 10
const proofBytes = 24

export function createTokenVault({ clock, random, secret }: TokenVaultDependencies): TokenVault {
  function prove(instanceId: string, content: Buffer): Buffer {
    return createHmac('sha256', secret).update(content).update(instanceId).digest().subarray(0, proofBytes)
  }

  return {
    issue: (instanceId, ttlSeconds) => {
      const expiry = Buffer.alloc(expiryBytes)
      expiry.writeUIntBE(clock.now().getTime() + ttlSeconds * 1000, 0, expiryBytes)
      const content = Buffer.concat([expiry, random.bytes(nonceBytes)])
      return `${Buffer.concat([content, prove(instanceId, content)]).toString('base64url')}==`
    },
    isValid: (instanceId, token) => {
      const bytes = Buffer.from(token, 'base64url')
      if (bytes.length !== expiryBytes + nonceBytes + proofBytes) return false
      const content = bytes.subarray(0, expiryBytes + nonceBytes)
      if (!timingSafeEqual(bytes.subarray(content.length), prove(instanceId, content))) return false
      return content.readUIntBE(0, expiryBytes) > clock.now().getTime()
    },
  }
}
