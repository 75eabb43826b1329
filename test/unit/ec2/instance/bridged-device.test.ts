import { expect, test } from 'vitest'
import { bridgedDevicesOf, readBridges } from '../../../../src/ec2/instance/bridged-device.ts'
import type { InstanceRecord } from '../../../../src/ec2/instance/instance.ts'

const networks = {
  bridgeProblem: (bridge: string) => (['br0', 'br1', 'br2', 'br3', 'br4'].includes(bridge) ? undefined : 'Not here'),
}
const tagged = (value: string) => [
  { key: 'Name', value: 'web' },
  { key: 'kiln:bridge', value },
]

test('a tag names bridges, with commas between', () => {
  expect(readBridges(networks, [{ key: 'Name', value: 'br0' }])).toEqual([])
  expect(readBridges(networks, tagged('br0'))).toEqual(['br0'])
  expect(readBridges(networks, tagged('br0, br1'))).toEqual(['br0', 'br1'])
})

test.each([
  ['', 'Expected the name of a bridge'],
  ['br0,', 'Expected the name of a bridge'],
  ['../br0', 'Expected the name of a bridge'],
  ['..', 'Expected the name of a bridge'],
  ['a-name-of-16-chrs', 'Expected the name of a bridge'],
  ['br0,br0', 'once'],
  ['br0,br1,br2,br3,br4', '4 bridges at most'],
  ['br0,eth0', 'Not here.'],
])('a tag that says %j is refused', (value, why) => {
  expect(() => readBridges(networks, tagged(value))).toThrow(why)
})

test('devices are the same at each start, and no two servers have the same', () => {
  const record = { id: 'i-0123456789abcdef0', uuid: 'ec2aaaaa-0000-4000-8000-000000000001', bridges: ['br0', 'br1'] }
  const devices = bridgedDevicesOf(record as unknown as InstanceRecord)
  expect(devices).toMatchInlineSnapshot(`
    [
      {
        "bridge": "br0",
        "id": "nic4",
        "mac": "52:4b:09:af:be:ac",
        "port": 4,
        "tapName": "lan6789abcdef00",
      },
      {
        "bridge": "br1",
        "id": "nic5",
        "mac": "52:4b:bc:f7:16:30",
        "port": 5,
        "tapName": "lan6789abcdef01",
      },
    ]
  `)
  const other = { ...record, uuid: 'ec2aaaaa-0000-4000-8000-000000000002' }
  const macs = [...devices, ...bridgedDevicesOf(other as unknown as InstanceRecord)].map(({ mac }) => mac)
  expect(new Set(macs).size).toBe(4)
})
