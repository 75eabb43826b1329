import { expect, test } from 'vitest'
import type { InstanceUsage, UsageDescription } from '../../../../src/api/kiln/usage.ts'
import { measureUsage, renderUsage, type UsageOrder } from '../../../../src/cli/render/usage.ts'

const mib = 1024 ** 2

function instance(changes: Partial<InstanceUsage> & { InstanceId: string }): InstanceUsage {
  return {
    Region: 'us-east-1',
    InstanceType: 't3.nano',
    GuestMemoryBytes: 512 * mib,
    Pid: 100,
    ProcessorSeconds: 10,
    ResidentBytes: 200 * mib,
    ProportionalBytes: 180 * mib,
    SharedBytes: 30 * mib,
    SwappedBytes: 0,
    DiskReadBytes: 0,
    DiskWrittenBytes: 0,
    NetworkReceivedBytes: 0,
    NetworkSentBytes: 0,
    ...changes,
  }
}

function usage(uptimeSeconds: number, ...instances: InstanceUsage[]): UsageDescription {
  return {
    Host: {
      UptimeSeconds: uptimeSeconds,
      Processors: 2,
      MemoryBytes: 8192 * mib,
      AvailableBytes: 4096 * mib,
      SwapBytes: 0,
      FreeSwapBytes: 0,
    },
    Capacity: { VCpus: 8, UsedVCpus: 4, MemoryMib: 8192, UsedMemoryMib: 1024, AvailableMemoryMib: 4096 },
    Daemon: { Pid: 7, ProcessorSeconds: 1, ProportionalBytes: 120 * mib },
    Instances: instances,
  }
}

const web = instance({ InstanceId: 'i-00000000000000001', Name: 'web', Pid: 101 })
const large = { ResidentBytes: 320 * mib, ProportionalBytes: 300 * mib }
const db = instance({ InstanceId: 'i-00000000000000002', Name: 'db', Pid: 102, ...large })
const nameless = instance({ InstanceId: 'i-00000000000000003', Pid: 103, ProportionalBytes: 90 * mib })
const busy = { ...web, ProcessorSeconds: 13, DiskReadBytes: 4 * mib, DiskWrittenBytes: 2 * mib, NetworkSentBytes: 1024 }

function render(order: UsageOrder, view: { isWide?: boolean; height?: number } = {}): string {
  const measured = measureUsage(usage(50, web, db, nameless), usage(52, busy, db, nameless))
  return renderUsage(measured, { order, isWide: false, ...view })
}

test('shows what each takes, the most first, what all take, and the host', () => {
  expect(render('pss')).toMatchInlineSnapshot(`
    "INSTANCE             TYPE     GUEST      CPU     RSS        PSS        SHARED    DISK       NET
    db                   t3.nano  512.0 MiB  0.0%    320.0 MiB  300.0 MiB  30.0 MiB  0 B/s      0 B/s
    web                  t3.nano  512.0 MiB  150.0%  200.0 MiB  180.0 MiB  30.0 MiB  3.0 MiB/s  512 B/s
    i-00000000000000003  t3.nano  512.0 MiB  0.0%    200.0 MiB  90.0 MiB   30.0 MiB  0 B/s      0 B/s
    3 instances          -        1.5 GiB    150.0%  720.0 MiB  570.0 MiB  -         3.0 MiB/s  512 B/s

    Host      2 processors, 4.0 GiB of 8.0 GiB available
    Promised  1.0 GiB of 8.0 GiB of memory and 4 of 8 vCPUs, to all accounts
    Daemon    120.0 MiB, 0.0% of a processor
    "
  `)
})

test('shows directions, processes and swap where there is room for them', () => {
  expect(render('cpu', { isWide: true })).toMatchInlineSnapshot(`
    "INSTANCE             ID                   PID  REGION     TYPE     GUEST      CPU     RSS        PSS        SHARED    SWAP  READ       WRITTEN    RECEIVED  SENT
    web                  i-00000000000000001  101  us-east-1  t3.nano  512.0 MiB  150.0%  200.0 MiB  180.0 MiB  30.0 MiB  0 B   2.0 MiB/s  1.0 MiB/s  0 B/s     512 B/s
    db                   i-00000000000000002  102  us-east-1  t3.nano  512.0 MiB  0.0%    320.0 MiB  300.0 MiB  30.0 MiB  0 B   0 B/s      0 B/s      0 B/s     0 B/s
    i-00000000000000003  i-00000000000000003  103  us-east-1  t3.nano  512.0 MiB  0.0%    200.0 MiB  90.0 MiB   30.0 MiB  0 B   0 B/s      0 B/s      0 B/s     0 B/s
    3 instances          -                    -    -          -        1.5 GiB    150.0%  720.0 MiB  570.0 MiB  -         0 B   2.0 MiB/s  1.0 MiB/s  0 B/s     512 B/s

    Host      2 processors, 4.0 GiB of 8.0 GiB available
    Promised  1.0 GiB of 8.0 GiB of memory and 4 of 8 vCPUs, to all accounts
    Daemon    120.0 MiB, 0.0% of a processor
    "
  `)
})

test('sorts by name, and says how many a small terminal has no room for', () => {
  expect(render('name', { height: 10 })).toMatchInlineSnapshot(`
    "INSTANCE             TYPE     GUEST      CPU     RSS        PSS        SHARED    DISK       NET
    db                   t3.nano  512.0 MiB  0.0%    320.0 MiB  300.0 MiB  30.0 MiB  0 B/s      0 B/s
    i-00000000000000003  t3.nano  512.0 MiB  0.0%    200.0 MiB  90.0 MiB   30.0 MiB  0 B/s      0 B/s
    3 instances          -        1.5 GiB    150.0%  720.0 MiB  570.0 MiB  -         3.0 MiB/s  512 B/s
    and 1 more

    Host      2 processors, 4.0 GiB of 8.0 GiB available
    Promised  1.0 GiB of 8.0 GiB of memory and 4 of 8 vCPUs, to all accounts
    Daemon    120.0 MiB, 0.0% of a processor
    "
  `)
})

test('has no rates of a machine that was started in between', () => {
  const restarted = { ...web, Pid: 200, ProcessorSeconds: 1 }
  const [measured] = measureUsage(usage(50, web), usage(52, restarted)).Instances
  expect(measured).toEqual(restarted)
})
