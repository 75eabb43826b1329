import { Transform } from 'node:stream'
import type { Ec2Error } from '../ec2/errors.ts'

/** The most that a step may write, and what is wrong when it wants to write more. */
export interface Bound {
  readonly bytes: number
  readonly exceeded: () => Ec2Error
}

/** Passes everything on until it is more than may be written. */
export function limit(bound: Bound): Transform {
  let seen = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      seen += chunk.length
      if (seen > bound.bytes) done(bound.exceeded())
      else done(null, chunk)
    },
  })
}
