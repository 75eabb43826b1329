import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { Command } from 'commander'
import { CliError } from '../failure.ts'
import { addExamples } from '../help.ts'
import { resolveVpc } from '../resolve/vpc.ts'
import { clientOf, integerBetween, note, say, type Session } from '../session.ts'
import { createSocksServer } from '../socks/socks-server.ts'

const defaultPort = 1080
const loopback = '127.0.0.1'

/** `kiln socks` */
export function defineSocks(command: Command, session: Session): void {
  command
    .argument('[vpc]', 'id or name; the default VPC when absent')
    .option('--port <number>', 'port on 127.0.0.1; 0 takes a free one', integerBetween(0, 65_535), defaultPort)
    .action(async (name: string | undefined, { port }: { port: number }) => {
      const client = clientOf(session)
      const { VpcId: vpcId = '' } = await resolveVpc(client, name)
      const sockets = new Set<Socket>()
      const server = createSocksServer(
        { connect: (host, at) => client.dialVpc(vpcId, host, at), openDatagrams: () => client.openDatagrams(vpcId) },
        (message) => {
          if (!session.signal.aborted) note(session, message)
        },
      )
      server.on('connection', (socket) => {
        sockets.add(socket)
        socket.on('close', () => sockets.delete(socket))
      })
      server.listen(port, loopback)
      await once(server, 'listening').catch((error: NodeJS.ErrnoException) => {
        throw new CliError(`${loopback}:${port} cannot be listened on (${error.code}).`, {
          hint: 'Give another one with --port; 0 takes a free one.',
        })
      })
      const bound = server.address()
      say(session, `socks5h://${loopback}:${typeof bound === 'object' && bound ? bound.port : port} -> ${vpcId}`)
      if (!session.signal.aborted) await once(session.signal, 'abort')
      server.close()
      for (const socket of sockets) socket.destroy()
    })
  addExamples(
    command,
    'kiln socks &  curl -x socks5h://127.0.0.1:1080 http://ip-172-31-0-5.ec2.internal/',
    'kiln socks lab-vpc --port 0     # a browser: SOCKS v5 host, "proxy DNS when using SOCKS v5"',
  )
}
