import { type CipherGCMTypes, createCipheriv, createDecipheriv, createHash, type Hash, randomBytes } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { rename, rm, stat } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { PassThrough, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { SavedState, StateFile } from '../ec2/ports/machine-state.ts'
import type { Clock } from '../host/clock.ts'
import { syncDirectory, syncFile } from '../host/files.ts'

/** What of a machine's monitor is needed. */
export interface Monitor {
  execute(command: string, args?: Record<string, unknown>, timeoutMs?: number): Promise<unknown>
}

/** GCM encrypts no more under one key and nonce (NIST SP 800-38D): 64 GiB. */
const cipher: CipherGCMTypes = 'aes-256-gcm'
const nonceBytes = 12
const pollIntervalMs = 4
/** QEMU holds back 128 MiB a second by default, for the sake of networks. */
const bytesPerSecond = 2 ** 40

/** What of a machine is written and read. */
interface StateExtent {
  /** All but memory that lies in a file of the machine's own. */
  readonly leavesSharedMemory?: boolean
}

/**
 * Stops a machine's processors and writes its memory and devices into a file, which is there whole and durable or not at all. QEMU 7.2 does
 * not write files of this kind itself; it speaks to a socket, and so what is written can be encrypted on its way. Afterwards the machine
 * stands still, with its drives let go. Rejects when that failed; then it goes on as before.
 */
export async function saveState(
  { monitor, clock }: { monitor: Monitor; clock: Clock },
  socketPath: string,
  { path, key }: StateFile,
  { leavesSharedMemory = false }: StateExtent = {},
): Promise<SavedState> {
  const temporaryPath = `${path}.new`
  const server = await listen(socketPath)
  try {
    await beginAnew({ monitor, clock })
    if (leavesSharedMemory) await leaveSharedMemory(monitor)
    await monitor.execute('stop')
    const received = receive(server, temporaryPath, key)
    received.catch(() => undefined)
    await monitor.execute('migrate-set-parameters', { 'max-bandwidth': bytesPerSecond })
    await monitor.execute('migrate', { uri: `unix:${socketPath}` })
    await Promise.all([received, waitForMigration({ monitor, clock })])
    const saved = await received
    await syncFile(temporaryPath)
    await rename(temporaryPath, path)
    await syncDirectory(dirname(path))
    return saved
  } catch (error) {
    await rm(temporaryPath, { force: true })
    await monitor.execute('migrate_cancel').catch(() => undefined)
    await monitor.execute('cont').catch(() => undefined)
    throw error
  } finally {
    server.close()
    await rm(socketPath, { force: true })
  }
}

/**
 * Brings a machine that was started with `-incoming defer` to what a file holds: its processors stand still then. Rejects when the file is
 * not what was saved; the machine is of no use then.
 */
export async function loadState(
  { monitor, clock }: { monitor: Monitor; clock: Clock },
  socketPath: string,
  file: StateFile,
  saved: SavedState,
  { leavesSharedMemory = false }: StateExtent = {},
): Promise<void> {
  const { size } = await stat(file.path)
  if (size !== saved.sizeBytes) throw new Error(`${file.path} has ${size} bytes instead of ${saved.sizeBytes}`)
  try {
    if (leavesSharedMemory) await leaveSharedMemory(monitor)
    await monitor.execute('migrate-incoming', { uri: `unix:${socketPath}` })
    await Promise.all([send(socketPath, file, saved), waitForMigration({ monitor, clock })])
  } finally {
    await rm(socketPath, { force: true })
  }
}

/** QEMU means by `shared` a memory that has a file; what maps the file for itself alone needs to be told the same. */
async function leaveSharedMemory(monitor: Monitor): Promise<void> {
  await monitor.execute('migrate-set-capabilities', { capabilities: [{ capability: 'x-ignore-shared', state: true }] })
}

/**
 * Ends what an earlier daemon may have begun and not seen the end of. A machine whose state has gone to nobody refuses to be migrated again
 * ("paused due to previous migration") until it has run.
 */
async function beginAnew({ monitor, clock }: { monitor: Monitor; clock: Clock }): Promise<void> {
  await monitor.execute('migrate_cancel')
  while (isUnderWay((await monitor.execute('query-migrate')) as Migration)) await clock.sleep(pollIntervalMs)
  const { status } = (await monitor.execute('query-status')) as { status: string }
  if (status === 'postmigrate') await monitor.execute('cont')
}

async function listen(socketPath: string): Promise<Server> {
  await rm(socketPath, { force: true })
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(socketPath, resolve)
  })
  return server
}

async function receive(server: Server, path: string, key: Buffer | undefined): Promise<SavedState> {
  const source = await new Promise<Socket>((resolve, reject) => {
    server.once('connection', resolve)
    // Closed before QEMU came.
    server.once('close', () => reject(new Error('QEMU did not begin to write its state')))
  })
  const hash = createHash('sha256')
  const destination = createWriteStream(path, { mode: 0o600 })
  const nonce = key && randomBytes(nonceBytes)
  const encryption = key && nonce ? createCipheriv(cipher, key, nonce) : undefined
  await pipeline(source, encryption ?? new PassThrough(), hashing(hash), destination)
  return {
    sizeBytes: destination.bytesWritten,
    sha256: hash.digest('hex'),
    ...(encryption && nonce
      ? { nonce: nonce.toString('hex'), authenticationTag: encryption.getAuthTag().toString('hex') }
      : {}),
  }
}

async function send(socketPath: string, { path, key }: StateFile, saved: SavedState): Promise<void> {
  const destination = connect(socketPath)
  // QEMU that ends over what it reads may reset the connection after everything was sent: the monitor tells of its end.
  destination.on('error', () => undefined)
  const hash = createHash('sha256')
  const { nonce, authenticationTag } = saved
  const decryption =
    key && nonce !== undefined && authenticationTag !== undefined
      ? createDecipheriv(cipher, key, Buffer.from(nonce, 'hex')).setAuthTag(Buffer.from(authenticationTag, 'hex'))
      : undefined
  await pipeline(createReadStream(path), hashing(hash), decryption ?? new PassThrough(), destination)
  // What was loaded has not run yet.
  if (hash.digest('hex') !== saved.sha256) throw new Error(`${path} was changed after it was saved`)
}

function hashing(hash: Hash): Transform {
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      hash.update(chunk)
      done(undefined, chunk)
    },
  })
}

interface Migration {
  readonly status?: string
  readonly 'error-desc'?: string
}

/** Of the states of MigrationStatus (QEMU 7.2, qapi/migration.json). */
function isUnderWay({ status }: Migration): boolean {
  return status !== undefined && !['none', 'completed', 'failed', 'cancelled'].includes(status)
}

async function waitForMigration({ monitor, clock }: { monitor: Monitor; clock: Clock }): Promise<void> {
  for (;;) {
    const { status, 'error-desc': why } = (await monitor.execute('query-migrate')) as Migration
    if (status === 'completed') return
    if (status === 'failed' || status === 'cancelled') throw new Error(`QEMU says: ${why ?? status}`)
    await clock.sleep(pollIntervalMs)
  }
}
