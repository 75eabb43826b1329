import { createServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Logger } from 'pino'
import type { AuthContext, Connection, ServerChannel } from 'ssh2'
import { serialSessionLimitExceeded } from '../../ec2/instance-connect/instance-connect-error.ts'
import type { SerialConsoleLogin } from '../../ec2/instance-connect/serial-console-login.ts'
import type { InstanceRecord } from '../../ec2/instance/instance.ts'
import type { Clock } from '../../host/clock.ts'

export interface SerialConsoleServerDependencies {
  /** In OpenSSH's format. */
  readonly readHostKey: () => Promise<string>
  /** Undefined where nobody may log in. */
  readonly findLogin: (user: string) => SerialConsoleLogin | undefined
  /** As SerialSessions'. */
  readonly begin: (instanceId: string, end: () => void) => (() => void) | undefined
  readonly open: (instance: InstanceRecord) => Promise<Duplex>
  readonly clock: Clock
  readonly log: Logger
}

/** EC2's Serial Console by SSH: a session is the serial console of the instance whose name the user has. */
export interface SerialConsoleServer {
  /** Not listening yet. */
  readonly server: Server
  /** Ends listening, and all sessions. */
  close(): void
}

/** What a client may take until it has a session, and for closing its side. */
const patienceMs = 30_000
const maximumConnections = 100
/** "A serial console session typically lasts for 1 hour". */
const sessionMs = 3600_000

/** The package is loaded with the first connection: most daemons never see one. */
export function createSerialConsoleServer(dependencies: SerialConsoleServerDependencies): SerialConsoleServer {
  const { readHostKey, log } = dependencies
  const sockets = new Set<Socket>()
  const starting = async () => {
    const [{ default: ssh2 }, hostKey] = await Promise.all([import('ssh2'), readHostKey()])
    return {
      ssh: new ssh2.Server({ hostKeys: [hostKey], ident: 'Kiln' }, (client) => serve(dependencies, ssh2, client)),
    }
  }
  let started: ReturnType<typeof starting> | undefined

  async function accept(socket: Socket): Promise<void> {
    started ??= starting()
    const { ssh } = await started
    ssh.injectSocket(socket)
  }

  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', (error) => log.debug({ err: error }, 'a connection to a serial console broke'))
    accept(socket).catch((error: unknown) => {
      started = undefined
      log.error({ err: error }, 'serial consoles cannot be reached by SSH')
      socket.destroy()
    })
  })
  server.maxConnections = maximumConnections
  return {
    server,
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

type Ssh2 = typeof import('ssh2')['default']

function serve(dependencies: SerialConsoleServerDependencies, ssh2: Ssh2, client: Connection): void {
  const { clock, log } = dependencies
  let instance: InstanceRecord | undefined
  const grace = new AbortController()
  endLater(clock, client, grace.signal)
  client.on('error', (error) => log.debug({ err: error }, 'a client of a serial console failed'))
  client.on('close', () => grace.abort())
  client.on('authentication', (context) => {
    const login = dependencies.findLogin(context.username)
    if (!login?.publicKeys.some((line) => isSignedBy(ssh2, line, context))) return context.reject(['publickey'])
    instance = login.instance
    context.accept()
  })
  // One session a connection: what more is asked for (commands, files, forwarding) has no listener, and ssh2 refuses it.
  client.once('session', (accept) => {
    const session = accept()
    session.on('pty', (acceptPty) => acceptPty?.())
    session.once('shell', (acceptShell) => {
      grace.abort()
      if (instance) attach(dependencies, instance, acceptShell(), client)
    })
  })
}

/** Whether a try to log in is by that key. Before a client signs, it may ask whether the key would do. */
function isSignedBy({ utils }: Ssh2, line: string, context: AuthContext): boolean {
  const { method, key, signature, blob, hashAlgo } = context
  const allowed = utils.parseKey(line)
  if (method !== 'publickey' || !key || allowed instanceof Error || !allowed.getPublicSSH().equals(key.data))
    return false
  if (!signature || !blob) return true
  // An RSA key could sign by SHA-1, as nobody should any more.
  if (allowed.type === 'ssh-rsa' && hashAlgo === undefined) return false
  return allowed.verify(blob, signature, hashAlgo) === true
}

function endLater(clock: Clock, client: Connection, unless: AbortSignal): void {
  clock.sleep(patienceMs, unless).then(
    () => client.end(),
    () => undefined,
  )
}

/** Joins a client with the console until one of them ends, or the session has lasted too long. */
function attach(
  { begin, open, clock, log }: SerialConsoleServerDependencies,
  instance: InstanceRecord,
  channel: ServerChannel,
  client: Connection,
): void {
  const over = new AbortController()
  let console: Duplex | undefined
  const leave = (status: number, why?: string) => {
    if (over.signal.aborted) return
    over.abort()
    console?.destroy()
    if (why !== undefined) channel.stderr.write(`\r\n${why}\r\n`)
    channel.exit(status)
    channel.end()
    // The client is told first; one that does not close its side is cut off.
    const told = new AbortController()
    channel.on('close', () => {
      told.abort()
      client.end()
    })
    endLater(clock, client, told.signal)
  }
  const finish = begin(instance.id, () => leave(1, 'Access to serial consoles was disabled.'))
  if (!finish) return leave(1, serialSessionLimitExceeded().message)
  over.signal.addEventListener('abort', finish)
  channel.on('error', () => leave(1))
  channel.on('close', () => leave(0))
  clock.sleep(sessionMs, over.signal).then(
    () => leave(0, 'The session has lasted an hour: connect again with a new key.'),
    () => undefined,
  )
  const show = async () => {
    const opened = await open(instance)
    if (over.signal.aborted) {
      opened.destroy()
      return
    }
    console = opened
    opened.on('error', () => leave(1, `${instance.id} does not answer on its serial console any more.`))
    opened.on('end', () => leave(0, `The machine of ${instance.id} has ended.`))
    opened.pipe(channel, { end: false })
    // A client that has no more to type may look on.
    channel.pipe(opened, { end: false })
  }
  show().catch((error: unknown) => {
    log.warn({ instanceId: instance.id, err: error }, 'a serial console could not be opened')
    leave(1, error instanceof Error ? error.message : 'It cannot be opened.')
  })
}
