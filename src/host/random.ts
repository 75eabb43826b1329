import { randomBytes, randomUUID } from 'node:crypto'

/** Randomness as the daemon sees it; tests bring a repeatable one. */
export interface Random {
  bytes(count: number): Buffer
  uuid(): string
}

/** The kernel's randomness. */
export const systemRandom: Random = { bytes: (count) => randomBytes(count), uuid: () => randomUUID() }
