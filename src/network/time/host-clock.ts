import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { ClockQuality } from './ntp-message.ts'

/** systemd-timesyncd has it while it runs, and touches `synchronized` in it whenever it has set the clock (systemd-timesyncd(8)). */
const timesyncDirectory = '/run/systemd/timesync'

/** That of Amazon's own service, and of a host that asks an ordinary server of the internet, whose is 2. */
const ordinaryStratum = 3
/** How far a clock may be off that was just set over the internet, and one of which nobody tells when it was. */
const dispersionSeconds = { set: 0.05, unknown: 0.1 } as const
/** What each second adds to that (RFC 5905, PHI). */
const driftPerSecond = 15e-6

/** Whom the host follows is not told to every user. No client sees a loop in this address (docs/guides/time.md). */
const ownClock = Buffer.from([127, 0, 0, 1])
/** As far off as NTP has words for (RFC 5905, MAXDISP; "INIT" in figure 13). */
const notYetSet: ClockQuality = {
  leapIndicator: 3,
  stratum: 0,
  rootDispersionSeconds: 16,
  referenceId: Buffer.from('INIT'),
}

/**
 * How good the host's clock is, as far as a file tells: what the kernel knows of it is to be had by a system call alone. Where another program
 * than systemd-timesyncd keeps the clock, it is taken for an ordinary one.
 */
export function readHostClock(nowMs: number, directory = timesyncDirectory): ClockQuality {
  if (modifiedMs(directory) === undefined) return keptClock(nowMs, dispersionSeconds.unknown)
  const setAtMs = modifiedMs(join(directory, 'synchronized'))
  if (setAtMs === undefined) return notYetSet
  const ageSeconds = Math.max(0, nowMs - setAtMs) / 1000
  return keptClock(setAtMs, dispersionSeconds.set + ageSeconds * driftPerSecond)
}

function keptClock(setAtMs: number, rootDispersionSeconds: number): ClockQuality {
  return { leapIndicator: 0, stratum: ordinaryStratum, rootDispersionSeconds, referenceId: ownClock, setAtMs }
}

/** In memory, so it takes no time worth waiting for. Undefined where it is not, or not to be seen. */
function modifiedMs(path: string): number | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })?.mtimeMs
  } catch {
    return undefined
  }
}
