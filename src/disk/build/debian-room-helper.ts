import { Ec2Error } from '../../ec2/errors.ts'
import { CommandError, createProcessHost } from '../../host/process.ts'
import type { RoomAnswer, RoomRequest } from './build-room.ts'
import { makeDebianRoot } from './debian-root.ts'

/**
 * The first process of a build's namespaces: makes the root file system that the daemon asks for. When it ends, the kernel ends
 * everything that it started, and the file system in memory goes with the last of them.
 */
const answer = (message: RoomAnswer) => process.send?.(message)

process.on('message', (request: RoomRequest) => {
  makeDebianRoot(createProcessHost(), request, {
    onStage: (stage) => answer({ kind: 'stage', stage }),
    onLine: (line) => answer({ kind: 'line', line }),
  }).then(
    () => answer({ kind: 'done' }),
    (error: unknown) =>
      answer({
        kind: 'failed',
        message: error instanceof Error ? error.message : String(error),
        ...(error instanceof Ec2Error ? { code: error.code } : {}),
        ...(error instanceof CommandError ? { tool: { name: error.argv[0] ?? '', stderrTail: error.stderrTail } } : {}),
      }),
  )
})
// The daemon has given up or has ended.
process.on('disconnect', () => process.exit(1))
