import { copyFileSync, fstatSync, ftruncateSync, rmSync, statSync } from 'node:fs'
import pino, { type Logger } from 'pino'

const standardOutput = 1

/** Size at which the log becomes `<path>.1` and begins anew: both together stay below twice this. */
export const maximumLogBytes = 16 * 1024 * 1024

/**
 * JSON lines on standard output. When that is the file at `path`, as `kiln daemon start` arranges it, the file is kept bounded; a
 * service manager looks after its journal itself.
 */
export function createLog(level: string, path: string): Logger {
  const destination = pino.destination({ dest: standardOutput, sync: true })
  // A full disk takes the log's lines too; the daemon goes on without them.
  destination.on('error', () => undefined)
  let size = isSameFile(standardOutput, path) ? fstatSync(standardOutput).size : undefined
  const stream = {
    write: (line: string) => {
      destination.write(line)
      if (size === undefined) return
      size += Buffer.byteLength(line)
      if (size <= maximumLogBytes) return
      keepOlder(standardOutput, path)
      size = 0
    },
  }
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, stream)
}

/** Copied and emptied rather than renamed: this process and its helpers have the file open, for appending. */
export function keepOlder(descriptor: number, path: string): void {
  const older = `${path}.1`
  rmSync(older, { force: true })
  try {
    copyFileSync(path, older)
  } catch {
    // On a full disk the older lines are given up.
    rmSync(older, { force: true })
  }
  ftruncateSync(descriptor, 0)
}

function isSameFile(descriptor: number, path: string): boolean {
  const named = statSync(path, { throwIfNoEntry: false })
  const open = fstatSync(descriptor)
  return named !== undefined && named.dev === open.dev && named.ino === open.ino
}
