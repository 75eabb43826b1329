import { readdir, readFile } from 'node:fs/promises'
import type { ProcessIdentity } from './process.ts'

/** A process as /proc tells of it. */
export interface ProcessEntry extends ProcessIdentity {
  readonly argv: readonly string[]
}

/** The start time of a live process in clock ticks after boot; undefined when there is none or it is a zombie. */
export async function readStartTicks(pid: number): Promise<number | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  if (stat === undefined) return undefined
  // The command name may hold blanks and parentheses: the fields begin after the last one (proc(5)).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined
  return Number(fields[19])
}

/** Whether that very process still runs, not another one that got its pid. */
export async function isProcessAlive(identity: ProcessIdentity): Promise<boolean> {
  return (await readStartTicks(identity.pid)) === identity.startTicks
}

/** The identity of a live process; undefined when it has ended. */
export async function identifyProcess(pid: number): Promise<ProcessIdentity | undefined> {
  const startTicks = await readStartTicks(pid)
  return startTicks === undefined ? undefined : { pid, startTicks }
}

/** Every process of this machine whose arguments satisfy the test, for finding what an ended daemon left behind. */
export async function findProcesses(isWanted: (argv: readonly string[]) => boolean): Promise<ProcessEntry[]> {
  const found: ProcessEntry[] = []
  for (const name of await readdir('/proc')) {
    if (!/^[0-9]+$/.test(name)) continue
    const cmdline = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')
    if (cmdline === '') continue
    const argv = cmdline.replace(/\0$/, '').split('\0')
    if (!isWanted(argv)) continue
    const identity = await identifyProcess(Number(name))
    if (identity) found.push({ ...identity, argv })
  }
  return found
}

/** Every process that carries a variable with that value in its environment, as far as this user may look. */
export async function findMarkedProcesses(variable: string, value: string): Promise<ProcessIdentity[]> {
  const found: ProcessIdentity[] = []
  for (const name of await readdir('/proc')) {
    if (!/^[0-9]+$/.test(name)) continue
    const environment = await readFile(`/proc/${name}/environ`, 'utf8').catch(() => '')
    if (!environment.split('\0').includes(`${variable}=${value}`)) continue
    const identity = await identifyProcess(Number(name))
    if (identity) found.push(identity)
  }
  return found
}

/** Sends a signal to that very process; false when it has already ended. */
export async function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): Promise<boolean> {
  if (!(await isProcessAlive(identity))) return false
  try {
    process.kill(identity.pid, signal)
    return true
  } catch {
    return false
  }
}

/** The kernel's id of this boot: machines recorded under another one ended with the host. */
export async function readBootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()
}
