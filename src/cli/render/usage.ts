import type { InstanceUsage, ProcessUsage, UsageDescription } from '../../api/kiln/usage.ts'
import { formatBytes } from './progress.ts'
import { type Column, renderTable } from './table.ts'

/** An instance's usage with what has grown a second since an earlier look; absent where there was none of the same process. */
export interface MeasuredInstance extends InstanceUsage {
  /** 1: one processor, the whole time. */
  ProcessorShare?: number
  DiskReadBytesPerSecond?: number
  DiskWrittenBytesPerSecond?: number
  NetworkReceivedBytesPerSecond?: number
  NetworkSentBytesPerSecond?: number
}

/** What the daemon tells, with rates. */
export interface MeasuredUsage extends Omit<UsageDescription, 'Instances' | 'Daemon'> {
  Daemon: ProcessUsage & { ProcessorShare?: number }
  Instances: MeasuredInstance[]
}

/** Works out from two looks, the earlier one first, how fast things go. */
export function measureUsage(before: UsageDescription, after: UsageDescription): MeasuredUsage {
  const seconds = after.Host.UptimeSeconds - before.Host.UptimeSeconds
  const rate = (earlier: number | undefined, later: number | undefined) =>
    earlier === undefined || later === undefined || seconds <= 0 ? undefined : Math.max(0, later - earlier) / seconds
  const earlier = new Map(before.Instances.map((instance) => [instance.Pid, instance]))
  return {
    ...after,
    Daemon: {
      ...after.Daemon,
      ...present({
        ProcessorShare:
          before.Daemon.Pid === after.Daemon.Pid
            ? rate(before.Daemon.ProcessorSeconds, after.Daemon.ProcessorSeconds)
            : undefined,
      }),
    },
    Instances: after.Instances.map((instance) => {
      const last = earlier.get(instance.Pid)
      return {
        ...instance,
        ...present({
          ProcessorShare: rate(last?.ProcessorSeconds, instance.ProcessorSeconds),
          DiskReadBytesPerSecond: rate(last?.DiskReadBytes, instance.DiskReadBytes),
          DiskWrittenBytesPerSecond: rate(last?.DiskWrittenBytes, instance.DiskWrittenBytes),
          NetworkReceivedBytesPerSecond: rate(last?.NetworkReceivedBytes, instance.NetworkReceivedBytes),
          NetworkSentBytesPerSecond: rate(last?.NetworkSentBytes, instance.NetworkSentBytes),
        }),
      }
    }),
  }
}

function present<Name extends string>(members: Record<Name, number | undefined>): Partial<Record<Name, number>> {
  return Object.fromEntries(
    Object.entries<number | undefined>(members).filter(([, value]) => value !== undefined),
  ) as Partial<Record<Name, number>>
}

/** A line of the table: an instance, or all of them. */
type Row = Partial<Omit<MeasuredInstance, 'InstanceId'>> & { readonly label: string; readonly InstanceId?: string }

const diskRate = (row: Row) => sumOf(row.DiskReadBytesPerSecond, row.DiskWrittenBytesPerSecond)
const networkRate = (row: Row) => sumOf(row.NetworkReceivedBytesPerSecond, row.NetworkSentBytesPerSecond)

/** What a table may be sorted by; numbers have the largest first. */
const sortValues = {
  pss: (row: Row) => row.ProportionalBytes,
  rss: (row: Row) => row.ResidentBytes,
  shared: (row: Row) => row.SharedBytes,
  swap: (row: Row) => row.SwappedBytes,
  cpu: (row: Row) => row.ProcessorShare,
  guest: (row: Row) => row.GuestMemoryBytes,
  disk: diskRate,
  net: networkRate,
  name: undefined,
}

export type UsageOrder = keyof typeof sortValues
export const usageOrders = Object.keys(sortValues) as readonly UsageOrder[]

export interface UsageView {
  readonly order: UsageOrder
  /** Ids, processes and directions apart. */
  readonly isWide: boolean
  /** Of a terminal; absent: as much as there is. */
  readonly width?: number | undefined
  readonly height?: number | undefined
}

/** The table with its totals, and below it the host. */
export function renderUsage(usage: MeasuredUsage, { order, isWide, width, height }: UsageView): string {
  const rows = usage.Instances.map((instance): Row => ({ ...instance, label: instance.Name ?? instance.InstanceId }))
  const value = sortValues[order]
  rows.sort((a, b) => (value ? (value(b) ?? 0) - (value(a) ?? 0) : 0) || a.label.localeCompare(b.label))
  const footer = renderHost(usage)
  // Titles, totals, what was left out, an empty line, and the one that the cursor is in.
  const room = height === undefined ? rows.length : Math.max(1, height - footer.length - 5)
  const shown = rows.slice(0, room)
  const table = renderTable([...shown, totalOf(rows)], columnsOf(rows, isWide), width)
  const left = rows.length - shown.length
  return [table.trimEnd(), ...(left > 0 ? [`and ${left} more`] : []), '', ...footer, ''].join('\n')
}

/** What several share cannot be added up; that is what PSS is for. */
function totalOf(rows: readonly Row[]): Row {
  const total = (read: (row: Row) => number | undefined) => rows.reduce((sum, row) => sum + (read(row) ?? 0), 0)
  return {
    label: rows.length === 1 ? '1 instance' : `${rows.length} instances`,
    GuestMemoryBytes: total((row) => row.GuestMemoryBytes),
    ProcessorShare: total((row) => row.ProcessorShare),
    ResidentBytes: total((row) => row.ResidentBytes),
    ProportionalBytes: total((row) => row.ProportionalBytes),
    SwappedBytes: total((row) => row.SwappedBytes),
    DiskReadBytesPerSecond: total((row) => row.DiskReadBytesPerSecond),
    DiskWrittenBytesPerSecond: total((row) => row.DiskWrittenBytesPerSecond),
    NetworkReceivedBytesPerSecond: total((row) => row.NetworkReceivedBytesPerSecond),
    NetworkSentBytesPerSecond: total((row) => row.NetworkSentBytesPerSecond),
  }
}

/** Columns that would say the same of all are left out. */
function columnsOf(rows: readonly Row[], isWide: boolean): Column<Row>[] {
  const hasSwapped = rows.some(({ SwappedBytes: swapped = 0 }) => swapped > 0)
  const regions = new Set(rows.map(({ Region }) => Region))
  return [
    { title: 'INSTANCE', value: (row) => row.label },
    ...(isWide ? [{ title: 'ID', value: (row: Row) => row.InstanceId }] : []),
    ...(isWide ? [{ title: 'PID', value: (row: Row) => row.Pid }] : []),
    ...(isWide || regions.size > 1 ? [{ title: 'REGION', value: (row: Row) => row.Region }] : []),
    { title: 'TYPE', value: (row) => row.InstanceType },
    { title: 'GUEST', value: (row) => bytesOf(row.GuestMemoryBytes) },
    { title: 'CPU', value: (row) => percentOf(row.ProcessorShare) },
    { title: 'RSS', value: (row) => bytesOf(row.ResidentBytes) },
    { title: 'PSS', value: (row) => bytesOf(row.ProportionalBytes) },
    { title: 'SHARED', value: (row) => bytesOf(row.SharedBytes) },
    ...(isWide || hasSwapped ? [{ title: 'SWAP', value: (row: Row) => bytesOf(row.SwappedBytes) }] : []),
    ...(isWide ? directionColumns : rateColumns),
  ]
}

const rateColumns: readonly Column<Row>[] = [
  { title: 'DISK', value: (row) => rateOf(diskRate(row)) },
  { title: 'NET', value: (row) => rateOf(networkRate(row)) },
]

const directionColumns: readonly Column<Row>[] = [
  { title: 'READ', value: (row) => rateOf(row.DiskReadBytesPerSecond) },
  { title: 'WRITTEN', value: (row) => rateOf(row.DiskWrittenBytesPerSecond) },
  { title: 'RECEIVED', value: (row) => rateOf(row.NetworkReceivedBytesPerSecond) },
  { title: 'SENT', value: (row) => rateOf(row.NetworkSentBytesPerSecond) },
]

/** What there is beside the instances: the host, what Kiln has promised of it, and Kiln itself. */
function renderHost({ Host: host, Capacity: capacity, Daemon: daemon }: MeasuredUsage): string[] {
  const mib = 1024 ** 2
  const swap = host.SwapBytes > 0 ? `, ${formatBytes(host.SwapBytes - host.FreeSwapBytes)} swapped out` : ''
  const merged = host.MergedBytes === undefined ? '' : `, ${formatBytes(host.MergedBytes)} saved by KSM`
  const memory = `${formatBytes(host.AvailableBytes)} of ${formatBytes(host.MemoryBytes)} available${swap}${merged}`
  const processors = host.Processors === 1 ? '1 processor' : `${host.Processors} processors`
  const promised = `${formatBytes(capacity.UsedMemoryMib * mib)} of ${formatBytes(capacity.MemoryMib * mib)}`
  const share = percentOf(daemon.ProcessorShare)
  return [
    `Host      ${processors}, ${memory}`,
    `Promised  ${promised} of memory and ${capacity.UsedVCpus} of ${capacity.VCpus} vCPUs, to all accounts`,
    `Daemon    ${bytesOf(daemon.ProportionalBytes) ?? '-'}${share === undefined ? '' : `, ${share} of a processor`}`,
  ]
}

function sumOf(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined && other === undefined ? undefined : (one ?? 0) + (other ?? 0)
}

function bytesOf(bytes: number | undefined): string | undefined {
  return bytes === undefined ? undefined : formatBytes(bytes)
}

function rateOf(bytesPerSecond: number | undefined): string | undefined {
  return bytesPerSecond === undefined ? undefined : `${formatBytes(bytesPerSecond)}/s`
}

function percentOf(share: number | undefined): string | undefined {
  return share === undefined ? undefined : `${(share * 100).toFixed(1)}%`
}
