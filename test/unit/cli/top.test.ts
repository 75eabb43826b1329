import { expect, test } from 'vitest'
import { runAgainst } from './run-against.ts'

const instances = ['web', 'db'].map((name, index) => ({
  InstanceId: `i-0000000000000000${index}`,
  Name: name,
  Region: 'us-east-1',
  InstanceType: 't3.nano',
  GuestMemoryBytes: 1,
  Pid: 100 + index,
  ProcessorSeconds: 10,
  NetworkReceivedBytes: 0,
  NetworkSentBytes: 0,
}))

test('looks at memory once for what it prints, and shows only what was named', async () => {
  let uptime = 100
  const { code, out, calls } = await runAgainst(
    {
      DescribeInstances: () => ({ Reservations: [{ Instances: [{ InstanceId: instances[1]?.InstanceId }] }] }),
      KilnDescribeUsage: () => ({
        Host: { UptimeSeconds: (uptime += 2), Processors: 2, MemoryBytes: 1, AvailableBytes: 1, SwapBytes: 0 },
        Capacity: { VCpus: 8, UsedVCpus: 4, MemoryMib: 8192, UsedMemoryMib: 1024, AvailableMemoryMib: 4096 },
        Daemon: { Pid: 7, ProcessorSeconds: uptime / 4 },
        Instances: instances,
      }),
    },
    ['top', 'db', '-o', 'json'],
  )
  expect(code).toBe(0)
  expect(calls.filter(({ operation }) => operation === 'KilnDescribeUsage').map(({ input }) => input)).toEqual([
    { IncludeMemory: false },
    {},
  ])
  expect(JSON.parse(out)).toMatchObject({
    Daemon: { ProcessorShare: 0.25 },
    Instances: [{ Name: 'db', ProcessorShare: 0 }],
  })
})
