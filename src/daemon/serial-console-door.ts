import { readFile } from 'node:fs/promises'
import type { SerialConsoleStatus } from '../api/kiln-dependencies.ts'
import { createSerialConsoleServer } from '../api/serial-console/server.ts'
import type { Domain } from '../ec2/domain.ts'
import { findSerialConsoleLogin } from '../ec2/instance-connect/serial-console-login.ts'
import { createKey } from '../ec2/key-pair/key-material.ts'
import { writeFileAtomic } from '../host/files.ts'
import type { Ground } from './ground.ts'
import type { StreamOpener } from './instance-stream.ts'
import { listenNear } from './listen.ts'

/** EC2's way to serial consoles, at a port of the loopback. */
export interface SerialConsoleDoor {
  status(): SerialConsoleStatus
  /** Never fails: without it only this way is missing. */
  open(): Promise<void>
  close(): void
}

const address = '127.0.0.1'

export function createSerialConsoleDoor(
  { configuration, paths, clock, log }: Ground,
  domain: Domain,
  openStream: StreamOpener,
): SerialConsoleDoor {
  const { port: firstPort } = configuration.serialConsole
  const door = createSerialConsoleServer({
    readHostKey: async () => await readHostKey(paths.serialConsoleHostKey),
    findLogin: (user) => findSerialConsoleLogin(domain, user),
    begin: (instanceId, end) => domain.serialSessions.begin(instanceId, end),
    open: async (instance) => await openStream(instance, 'console', instance.id, 0),
    clock,
    log,
  })
  let status: SerialConsoleStatus = { address, port: 0, problem: 'serialConsole.port is 0 in config.yaml' }

  return {
    status: () => status,
    open: async () => {
      if (firstPort === 0) return
      try {
        status = { address, port: await listenNear(door.server, address, firstPort) }
      } catch (error) {
        const problem = `${address}:${firstPort} cannot be had: ${error instanceof Error ? error.message : String(error)}`
        status = { address, port: 0, problem }
        log.warn({ problem }, 'serial consoles cannot be reached by SSH')
      }
    },
    close: () => door.close(),
  }
}

/** Made when it is first asked for, and the same from then on: clients remember it. */
async function readHostKey(path: string): Promise<string> {
  const kept = await readFile(path, 'utf8').catch(() => undefined)
  if (kept !== undefined) return kept
  const { privateKey } = await createKey('ed25519')
  await writeFileAtomic(path, privateKey, { mode: 0o600 })
  return privateKey
}
