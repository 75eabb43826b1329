import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import {
  GuestCommandFailed,
  type GuestLogin,
  type GuestRun,
  type GuestShell,
  type GuestShells,
} from '../ec2/ports/guest-shell.ts'
import { CommandError, type ProcessHost } from '../host/process.ts'

/** Connects to a port of an address in a VPC. */
export type Dial = (vpcId: string, host: string, port: number, signal: AbortSignal) => Promise<Socket>

const dialTimeoutMs = 30_000
/** What ssh ends with when it is ssh itself that has failed (ssh(1)). */
const connectionExitCode = 255

/**
 * Logs in to servers by the host's own ssh. A server needs no public address and no rule that lets SSH in: ssh is given a loopback port
 * whose connections the daemon hands on into the VPC.
 */
export function createGuestShells(dependencies: { processes: ProcessHost; dial: Dial }): GuestShells {
  const { processes, dial } = dependencies
  return {
    open: async (login) => {
      const door = await openDoor((signal) => dial(login.vpcId, login.privateIp, 22, signal))
      return {
        run: (run) => runCommand(processes, login, door.port, run),
        close: () => door.close(),
      } satisfies GuestShell
    },
  }
}

async function runCommand(processes: ProcessHost, login: GuestLogin, port: number, run: GuestRun): Promise<string> {
  const { timeoutMs, signal, onLine, input } = run
  try {
    const { stdout } = await processes.run({
      argv: ['ssh', ...sshOptions(login, port), '--', '127.0.0.1', run.command],
      input,
      timeoutMs,
      signal,
      ...(onLine ? { onLine } : {}),
    })
    return stdout
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof CommandError)) throw error
    if (error.endedBy === 'its time limit') {
      throw new GuestCommandFailed('timeout', `did not end within ${Math.round(timeoutMs / 1000)} s`)
    }
    if (error.exitCode === connectionExitCode) {
      throw new GuestCommandFailed(
        'connection',
        `lost the connection to the server: ${error.stderrTail || 'no reason told'}`,
      )
    }
    if (error.exitCode === undefined) throw error
    const complaint = error.stderrTail.trim().split('\n').at(-1) ?? ''
    throw new GuestCommandFailed('exit', `failed with exit code ${error.exitCode}${complaint && `: ${complaint}`}`)
  }
}

function sshOptions({ user, keyFile, knownHostsFile }: GuestLogin, port: number): string[] {
  const settings = {
    // Nothing of the user's own ssh_config counts.
    User: user,
    Port: String(port),
    IdentityFile: quotePath(keyFile),
    IdentitiesOnly: 'yes',
    BatchMode: 'yes',
    UserKnownHostsFile: quotePath(knownHostsFile),
    GlobalKnownHostsFile: '/dev/null',
    HostKeyAlias: 'server',
    StrictHostKeyChecking: 'accept-new',
    ConnectTimeout: '30',
    ServerAliveInterval: '15',
    ServerAliveCountMax: '8',
    LogLevel: 'ERROR',
  }
  return ['-F', 'none', '-T', ...Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])]
}

/** ssh expands `%` in its values, and parts them at spaces. */
function quotePath(path: string): string {
  return `"${path.replaceAll('%', '%%')}"`
}

async function handOn(visitor: Socket, dialling: Promise<Socket>): Promise<void> {
  const guest = await dialling
  guest.on('error', () => visitor.destroy())
  // What has ended in order is still to be handed on.
  guest.on('close', () => (guest.readableEnded ? visitor.end() : visitor.destroy()))
  visitor.on('close', () => guest.destroy())
  visitor.pipe(guest).pipe(visitor)
}

/** A port of the host's loopback whose connections are handed on. */
async function openDoor(dialGuest: (signal: AbortSignal) => Promise<Socket>): Promise<{ port: number; close(): void }> {
  const visitors = new Set<Socket>()
  const server: Server = createServer({ allowHalfOpen: true }, (visitor) => {
    visitors.add(visitor)
    visitor.on('error', () => visitor.destroy())
    visitor.on('close', () => visitors.delete(visitor))
    handOn(visitor, dialGuest(AbortSignal.timeout(dialTimeoutMs))).catch(() => visitor.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close()
      for (const visitor of visitors) visitor.destroy()
    },
  }
}
