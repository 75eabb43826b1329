import { expect, test } from 'vitest'
import { parseNetworkDevices, parseSmapsRollup } from '../../../src/host/process-usage.ts'

test('reads the memory of a process as Linux tells of it', () => {
  const text = `55d0c0a00000-7ffd1c9fe000 ---p 00000000 00:00 0                          [rollup]
Rss:              412344 kB
Pss:              388101 kB
Pss_Dirty:        371000 kB
Pss_Anon:         370992 kB
Shared_Clean:      24000 kB
Shared_Dirty:       1000 kB
Private_Clean:     16352 kB
Private_Dirty:    370992 kB
Referenced:       412344 kB
Anonymous:        370992 kB
Swap:                 12 kB
SwapPss:              12 kB
Locked:                0 kB
`
  expect(parseSmapsRollup(text)).toEqual({
    resident: 412_344 * 1024,
    proportional: 388_101 * 1024,
    shared: 25_000 * 1024,
    swapped: 12 * 1024,
  })
})

test('a process that has ended has no memory', () => {
  expect(parseSmapsRollup('')).toBeUndefined()
})

test('reads the counters of each network device', () => {
  const text = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     120       2    0    0    0     0          0         0      120       2    0    0    0     0       0          0
eni0123456789ab: 4096 10 0 0 0 0 0 0 8192 20 0 0 0 0 0 0
`
  expect([...parseNetworkDevices(text)]).toEqual([
    ['lo', { received: 120, sent: 120 }],
    ['eni0123456789ab', { received: 4096, sent: 8192 }],
  ])
})
