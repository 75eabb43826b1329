import { readFile } from 'node:fs/promises'
import type { ProcessIdentity } from './process.ts'

/** Memory that a process has, in bytes. */
export interface ProcessMemory {
  /** What of it is in the host's memory, however many others have the same. */
  readonly resident: number
  /** The same, each page counted as the part of one that falls to this process. */
  readonly proportional: number
  /** What of it others have as well. */
  readonly shared: number
  readonly swapped: number
}

/** What has passed a network device, in bytes, as the host counts it. */
export interface DeviceTraffic {
  readonly received: number
  readonly sent: number
}

/** A second in clock ticks as /proc shows them: 100 on every architecture that Linux calls USER_HZ so. */
const ticksPerSecond = 100

/** Processor time of all threads of that very process, those that have ended too; undefined when it has ended itself. */
export async function readProcessorSeconds({ pid, startTicks }: ProcessIdentity): Promise<number | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // As in process-table.ts: from the third field of proc(5) on. utime, stime, starttime.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (Number(fields[19]) !== startTicks) return undefined
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

/**
 * Undefined when the process has ended. The kernel looks at every page for it, with the process's memory map locked for reading: some ten
 * milliseconds a GiB.
 */
export async function readProcessMemory(pid: number): Promise<ProcessMemory | undefined> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '')
  return parseSmapsRollup(text)
}

/** What /proc/PID/smaps_rollup says; undefined when it says nothing, as of a process that has ended meanwhile. */
export function parseSmapsRollup(text: string): ProcessMemory | undefined {
  const bytes = new Map([...text.matchAll(/^(\w+): +(\d+) kB$/gm)].map(([, name, kib]) => [name, Number(kib) * 1024]))
  const [resident, proportional] = [bytes.get('Rss'), bytes.get('Pss')]
  if (resident === undefined || proportional === undefined) return undefined
  return {
    resident,
    proportional,
    shared: (bytes.get('Shared_Clean') ?? 0) + (bytes.get('Shared_Dirty') ?? 0),
    swapped: bytes.get('Swap') ?? 0,
  }
}

/** The devices of the network namespace that a process is in; empty when it has ended. */
export async function readNetworkTraffic(pid: number): Promise<ReadonlyMap<string, DeviceTraffic>> {
  return parseNetworkDevices(await readFile(`/proc/${pid}/net/dev`, 'utf8').catch(() => ''))
}

/** What /proc/PID/net/dev says: two lines of titles, then a device a line. */
export function parseNetworkDevices(text: string): ReadonlyMap<string, DeviceTraffic> {
  const lines = text.split('\n').slice(2).filter(Boolean)
  return new Map(
    lines.map((line) => {
      const end = line.indexOf(':')
      const counters = line
        .slice(end + 1)
        .trim()
        .split(/ +/)
        .map(Number)
      return [line.slice(0, end).trim(), { received: counters[0] ?? 0, sent: counters[8] ?? 0 }]
    }),
  )
}
