import type { TextStream } from '../session.ts'
import { fitTo, printable } from './text.ts'

/** How far some work has come; `doneBytes` of `totalBytes` when a size is known, `percent` where it is no matter of bytes alone. */
export interface ProgressReport {
  readonly stage: string
  readonly doneBytes?: number | undefined
  readonly totalBytes?: number | undefined
  readonly percent?: number | undefined
  /** The last line that a tool printed. */
  readonly detail?: string | undefined
}

/** Shows how work goes on: one line that is redrawn on a terminal, a line for each new stage elsewhere. */
export interface ProgressDisplay {
  show(report: ProgressReport): void
  /** Takes the line away, so that something else can be printed. */
  clear(): void
}

const eraseLine = '\r\u001b[K'
const barColumns = { least: 8, most: 30 }
const defaultColumns = 80
/** The rate is that of the last seconds: what a line can do now, not what it did an hour ago. */
const rateWindowMs = 5000

/** `now` is in milliseconds from any point, and never goes back. */
export function createProgressDisplay(
  stream: TextStream,
  now: () => number = () => performance.now(),
): ProgressDisplay {
  let stage: string | undefined
  let startedAt = now()
  let samples: { at: number; bytes: number }[] = []

  return {
    show: (report) => {
      if (report.stage !== stage) {
        stage = report.stage
        startedAt = now()
        samples = []
        if (!stream.isTTY) stream.write(`${printable(titleOf(report))}\n`)
      }
      if (!stream.isTTY) return
      if (report.doneBytes !== undefined) {
        samples.push({ at: now(), bytes: report.doneBytes })
        while (samples.length > 2 && now() - (samples[0]?.at ?? 0) > rateWindowMs) samples.shift()
      }
      // The last column stays free: some terminals begin a new line when it is written to.
      const columns = (stream.columns || defaultColumns) - 1
      const line = renderLine(report, { elapsedMs: now() - startedAt, bytesPerSecond: rateOf(samples), columns })
      stream.write(`${eraseLine}${fitTo(printable(line), columns)}`)
    },
    clear: () => {
      if (stream.isTTY && stage !== undefined) stream.write(eraseLine)
      stage = undefined
    },
  }
}

function titleOf({ stage, totalBytes }: ProgressReport): string {
  return totalBytes === undefined ? stage : `${stage} (${formatBytes(totalBytes)})`
}

function rateOf(samples: readonly { at: number; bytes: number }[]): number | undefined {
  const [first] = samples
  const last = samples.at(-1)
  if (!first || !last || last.at <= first.at || last.bytes <= first.bytes) return undefined
  return ((last.bytes - first.bytes) * 1000) / (last.at - first.at)
}

/** One line for a terminal: a bar as wide as there is room for, how much of how much, how fast, how long still. */
export function renderLine(
  { stage, doneBytes, totalBytes, percent, detail }: ProgressReport,
  measured: { elapsedMs: number; bytesPerSecond: number | undefined; columns: number },
): string {
  const { bytesPerSecond } = measured
  if (doneBytes === undefined) {
    const elapsed = formatDuration(measured.elapsedMs / 1000)
    if (percent !== undefined) return `${stage} ${String(percent).padStart(3)}%  ${elapsed}`
    return detail === undefined ? `${stage}  ${elapsed}` : `${stage}  ${elapsed}  ${detail}`
  }
  const rate = bytesPerSecond === undefined ? '' : `  ${formatBytes(bytesPerSecond)}/s`
  if (!totalBytes) return `${stage}  ${formatBytes(doneBytes)}${rate}`
  const share = Math.min(1, doneBytes / totalBytes)
  const before = `${stage} ${String(Math.floor(share * 100)).padStart(3)}%`
  const left = bytesPerSecond === undefined ? '' : `  ${formatDuration((totalBytes - doneBytes) / bytesPerSecond)} left`
  const after = `${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}${rate}${left}`
  const frame = ' [] '.length
  const room = Math.min(barColumns.most, measured.columns - before.length - after.length - frame)
  return room < barColumns.least
    ? `${before} ${after}`
    : `${before} [${'='.repeat(Math.floor(share * room)).padEnd(room)}] ${after}`
}

/** A size for a person, in binary units: `18.2 MiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return unit === 0 ? `${Math.round(value)} B` : `${value.toFixed(1)} ${units[unit]}`
}

/** Seconds as `0:07`, `12:34` or `1:02:03`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds))
  const hours = Math.floor(whole / 3600)
  const minutes = Math.floor((whole % 3600) / 60)
  const rest = String(whole % 60).padStart(2, '0')
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${rest}` : `${minutes}:${rest}`
}
