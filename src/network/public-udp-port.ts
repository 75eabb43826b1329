import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type { OpenPublicPort } from './public-port.ts'
import type { UdpSession, UdpSessions } from './udp-sessions.ts'

export interface PublicUdpDependencies {
  /** A UDP socket that is bound inside the VPC. */
  readonly bindUdp: (vpcId: string) => Promise<Socket>
  readonly sessions: UdpSessions
}

/** What waits for a session's socket at most; more is lost, as it may be with UDP. */
const maximumWaiting = 32

/**
 * Ports whose datagrams are carried into the VPC. Each client has a session with a socket of its own there: by that the guest's
 * answers find back to it. Clients come and go without a word, so a session ends when nothing was said for a while.
 */
export function createUdpOpener({ bindUdp, sessions }: PublicUdpDependencies): OpenPublicPort {
  return async (vpcId, { publicIp, privateIp, port }, hostPort) => {
    const own = new Map<string, UdpSession>()
    let isStopped = false
    const socket = createSocket('udp4')
    socket.bind({ address: publicIp, port: hostPort, exclusive: true })
    await once(socket, 'listening').catch((error: unknown) => {
      socket.close()
      throw error
    })
    // A client that is gone (ICMP port unreachable) costs the others nothing.
    socket.on('error', () => undefined)
    socket.on('message', (data, { address, port: clientPort }) => {
      // Nobody is there, and Node throws an error at whoever sends there.
      if (clientPort === 0) return
      const key = `${address}:${clientPort}`
      const session = own.get(key) ?? (isStopped ? undefined : begin(key, address, clientPort))
      session?.send(data)
    })

    function begin(key: string, address: string, clientPort: number): UdpSession | undefined {
      const waiting: Buffer[] = []
      let inner: Socket | undefined
      let isEnded = false
      const handle = sessions.begin(() => {
        isEnded = true
        own.delete(key)
        inner?.close()
        if (isStopped && own.size === 0) socket.close()
      })
      if (!handle) return undefined
      const forward = (data: Buffer) => inner?.send(data, port, privateIp, () => undefined)
      const answer = (data: Buffer, from: RemoteInfo) => {
        if (isEnded || from.address !== privateIp || from.port !== port) return
        handle.answered()
        socket.send(data, clientPort, address, () => undefined)
      }
      const connect = (bound: Socket) => {
        inner = bound.on('error', () => undefined).on('message', answer)
        if (isEnded) inner.close()
        else for (const data of waiting.splice(0)) forward(data)
      }
      bindUdp(vpcId).then(connect, () => handle.end())
      const session: UdpSession = {
        send: (data) => {
          handle.asked()
          if (inner) forward(data)
          else if (waiting.length < maximumWaiting) waiting.push(data)
        },
        end: () => handle.end(),
      }
      own.set(key, session)
      return session
    }

    function stop(): void {
      if (!isStopped && own.size === 0) socket.close()
      isStopped = true
    }

    return {
      stop,
      resume: () => {
        if (own.size === 0) return false
        isStopped = false
        return true
      },
      isIdle: () => own.size === 0,
      end: () => {
        stop()
        for (const session of [...own.values()]) session.end()
      },
    }
  }
}
