import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import { dialInstance } from '../dial-instance.ts'
import { clientOf, integerBetween, type Session, writeOut } from '../session.ts'

/** `kiln dial`, which ssh runs as its ProxyCommand. */
export function defineDial(command: Command, session: Session): void {
  command
    .argument('<instance-id>')
    .argument('<port>', 'TCP port', integerBetween(1, 65_535))
    .option('--endpoint <id>', 'through an EC2 Instance Connect Endpoint')
    .action(async (instanceId: string, port: number, { endpoint }: { endpoint?: string }) => {
      const stream = await dialInstance(clientOf(session), instanceId, port, endpoint)
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
