import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import { clientOf, integerBetween, type Session, writeOut } from '../session.ts'

/** `kiln dial`, which ssh runs as its ProxyCommand. */
export function defineDial(command: Command, session: Session): void {
  command
    .argument('<instance-id>')
    .argument('<port>', 'TCP port', integerBetween(1, 65_535))
    .action(async (instanceId: string, port: number) => {
      const stream = await clientOf(session).dial(instanceId, port)
      // The end of our input is passed on; the connection ends when the instance ends it.
      await Promise.all([
        pipeline(session.stdin, stream),
        (async () => {
          for await (const chunk of stream as AsyncIterable<Buffer>) await writeOut(session, chunk)
          session.stdin.destroy()
        })(),
      ]).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error
      })
    })
}
