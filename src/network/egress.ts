import { join } from 'node:path'
import { rm } from 'node:fs/promises'
import type { ProcessHost } from '../host/process.ts'
import { CommandError } from '../host/process.ts'
import { findProcesses, type ProcessEntry, signalProcess } from '../host/process-table.ts'
import type { Namespace } from './namespace.ts'
import { egressInterface, upstreamDnsAddress } from './ruleset.ts'

const pidFile = 'pasta.pid'
const startTimeoutMs = 10_000

/**
 * Gives a namespace its way out, in user space (pasta, package passt). Answers what is wrong when the host has no way out itself;
 * that is no failure of the VPC.
 */
export async function ensureEgress(
  processes: ProcessHost,
  namespace: Namespace,
  isRoot: boolean,
): Promise<string | undefined> {
  const path = join(namespace.directory, pidFile)
  if (await findPasta(namespace.directory)) return undefined
  await rm(path, { force: true })
  // Started by root it would become `nobody` and then could not enter.
  const own = isRoot ? ['--runas', '0'] : []
  const target = [String(namespace.holder.pid)]
  try {
    // Without --no-map-gw the gateway's address would lead to the host's loopback.
    await processes.run({
      argv: [
        'pasta',
        '--config-net',
        '--ipv4-only',
        '--no-map-gw',
        '--no-dhcp',
        '--quiet',
        '--dns-forward',
        upstreamDnsAddress,
        ...['-I', egressInterface, '-P', path, '-t', 'none', '-u', 'none', '-T', 'none', '-U', 'none'],
        ...own,
        ...target,
      ],
      timeoutMs: startTimeoutMs,
    })
    return undefined
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    return `instances have no way out to the internet: pasta says ${error.stderrTail.split('\n').at(-1) ?? 'nothing'}`
  }
}

/** Ends the way out: bookworm's pasta outlives the namespace that it serves. */
export async function removeEgress(directory: string): Promise<void> {
  const pasta = await findPasta(directory)
  if (pasta) await signalProcess(pasta, 'SIGTERM')
}

async function findPasta(directory: string): Promise<ProcessEntry | undefined> {
  const path = join(directory, pidFile)
  // The kernel's copy of the arguments may begin with pasta's build for the processor: pasta.avx2.
  const [found] = await findProcesses((argv) => argv.includes(path) && (argv[0]?.includes('pasta') ?? false))
  return found
}
