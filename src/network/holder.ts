import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../host/clock.ts'
import { ensurePrivateDirectory } from '../host/files.ts'
import type { ProcessHost, ProcessIdentity } from '../host/process.ts'
import { identifyProcess, isProcessAlive } from '../host/process-table.ts'
import { networkFile } from './vpc-processes.ts'

export interface NamespaceDependencies {
  readonly processes: ProcessHost
  readonly clock: Clock
  readonly networksDirectory: string
}

const startTimeoutMs = 10_000
const pollIntervalMs = 2

/**
 * Starts the process that keeps a namespace, by a program that makes or enters the namespace and then becomes it. It follows a file in
 * `networks/NAME/`; `inputPath` is opened as its standard input. Resolves once it is in the namespace.
 */
export async function startHolder(
  { processes, clock, networksDirectory }: NamespaceDependencies,
  name: string,
  [program, ...prefix]: readonly [string, ...string[]],
  inputPath?: string,
  file: string = networkFile.holder,
): Promise<ProcessIdentity> {
  const directory = join(networksDirectory, name)
  await ensurePrivateDirectory(directory)
  const path = join(directory, file)
  await writeFile(path, '')
  // Following a file that never grows costs nothing, and the file's path among its arguments is how a later daemon finds the
  // holder, whatever instant this one was killed at.
  const log = join(directory, networkFile.holderLog)
  const child = await processes.startDetached(
    { argv: [program, ...prefix, 'tail', '-f', path], ...(inputPath === undefined ? {} : { inputPath }) },
    log,
  )
  const holder = child.pid === undefined ? undefined : await identifyProcess(child.pid)
  const deadline = clock.monotonicMs() + startTimeoutMs
  // It has entered or made the namespaces once it has become `tail`.
  while (!holder || !(await isTail(holder.pid))) {
    if (!holder || clock.monotonicMs() > deadline || !(await isProcessAlive(holder))) {
      const said = (await readFile(log, 'utf8').catch(() => '')).trim().split('\n').at(-1) || `${program} said nothing`
      throw new Error(`the namespace could not be made: ${said}; \`kiln doctor\` says what this host lacks`)
    }
    await clock.sleep(pollIntervalMs)
  }
  return holder
}

async function isTail(pid: number): Promise<boolean> {
  return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).startsWith('tail\0')
}
