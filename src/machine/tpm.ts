import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import fsExtra from 'fs-extra'
import type { EndorsementKeys } from '../ec2/ports/machine.ts'
import type { Clock } from '../host/clock.ts'
import { ensurePrivateDirectory, writeFileAtomic } from '../host/files.ts'
import { CommandError, type ProcessHost, type ProcessIdentity } from '../host/process.ts'
import { findProcesses, identifyProcess, isProcessAlive, signalProcess } from '../host/process-table.ts'
import { machineFile } from '../host/state-paths.ts'
import { isSocketListening } from '../host/unix-socket.ts'
import { readEndorsementKeys } from './tpm-key.ts'

/** The emulated TPM 2.0 of a machine (swtpm 0.7): a process beside QEMU that ends when QEMU lets go of its socket. */
export interface TpmHost {
  /** Starts the TPM of a machine's directory, made when there is none; QEMU may connect when this resolves. */
  start(directory: string): Promise<ProcessIdentity>
}

const startTimeoutMs = 20_000
const pollIntervalMs = 5

export function createTpmHost({ processes, clock }: { processes: ProcessHost; clock: Clock }): TpmHost {
  async function launch(directory: string, options: readonly string[], socketPath: string): Promise<ProcessIdentity> {
    const argv = ['swtpm', 'socket', '--tpm2', '--tpmstate', `dir=${join(directory, machineFile.tpm)}`, ...options]
    const [program = 'swtpm', ...rest] = argv
    await rm(socketPath, { force: true })
    const child = await processes
      .startDetached({ argv: [program, ...rest] }, join(directory, machineFile.tpmLog))
      .catch((error: unknown) => {
        if (error instanceof CommandError) throw missingTpm(error.stderrTail)
        throw error
      })
    const identity = child.pid === undefined ? undefined : await identifyProcess(child.pid)
    const deadline = clock.now().getTime() + startTimeoutMs
    while (identity && (await isProcessAlive(identity))) {
      if (await isSocketListening(identity.pid, socketPath)) return identity
      if (clock.now().getTime() > deadline) break
      await clock.sleep(pollIntervalMs)
    }
    if (identity) await signalProcess(identity, 'SIGKILL')
    const told = await readFile(join(directory, machineFile.tpmLog), 'utf8').catch(() => '')
    throw new Error(`The TPM did not start: ${told.trim().slice(-500)}`)
  }

  /** A new TPM tells its endorsement keys once: they never change, and a machine's TPM serves its machine alone. */
  async function recordKeys(directory: string): Promise<void> {
    const path = join(directory, machineFile.tpmKeys)
    if (await fsExtra.pathExists(path)) return
    const socketPath = join(directory, machineFile.tpmSocket)
    const options = ['--server', `type=unixio,path=${socketPath},mode=0600`, '--terminate']
    const identity = await launch(directory, [...options, '--flags', 'not-need-init,startup-clear'], socketPath)
    try {
      await writeFileAtomic(path, JSON.stringify(await readEndorsementKeys(socketPath)))
    } finally {
      await signalProcess(identity, 'SIGTERM')
      while (await isProcessAlive(identity)) await clock.sleep(pollIntervalMs)
    }
  }

  return {
    start: async (directory) => {
      await endTpm(directory)
      await ensurePrivateDirectory(join(directory, machineFile.tpm))
      await recordKeys(directory)
      const socketPath = join(directory, machineFile.tpmSocket)
      return await launch(directory, ['--ctrl', `type=unixio,path=${socketPath},mode=0600`, '--terminate'], socketPath)
    },
  }
}

/** Undefined while the machine has never been started. */
export async function readRecordedKeys(directory: string): Promise<EndorsementKeys | undefined> {
  const text = await readFile(join(directory, machineFile.tpmKeys), 'utf8').catch(() => undefined)
  return text === undefined ? undefined : (JSON.parse(text) as EndorsementKeys)
}

/** The machine whose TPM that process is; undefined when it is none of a machine there. */
export function machineOfTpm(argv: readonly string[], machinesDirectory: string): string | undefined {
  if (!argv[0]?.endsWith('swtpm')) return undefined
  const state = argv[argv.indexOf('--tpmstate') + 1] ?? ''
  const start = `dir=${machinesDirectory}/`
  return state.startsWith(start) ? state.slice(start.length).split('/')[0] : undefined
}

/** Two processes must not write one TPM's state: ends what a start left that was broken off. */
async function endTpm(directory: string): Promise<void> {
  const state = `dir=${join(directory, machineFile.tpm)}`
  const found = await findProcesses((argv) => argv[0]?.endsWith('swtpm') === true && argv.includes(state))
  for (const process of found) await signalProcess(process, 'SIGKILL')
}

function missingTpm(why: string): Error {
  return new Error(`swtpm, which gives servers a TPM, cannot be run (${why}): install the package swtpm.`)
}
