import { Transform } from 'node:stream'

/** Passes bytes on and tells with each piece how many there were; what `onCount` throws ends the stream. */
export function countBytes(onCount: (count: { doneBytes: number }) => void): Transform {
  let doneBytes = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      doneBytes += chunk.length
      try {
        onCount({ doneBytes })
      } catch (error) {
        done(error instanceof Error ? error : new Error(String(error)))
        return
      }
      done(null, chunk)
    },
  })
}
