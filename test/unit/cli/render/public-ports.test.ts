import { expect, test } from 'vitest'
import type { InstanceDetail, PublicPortDetail } from '../../../../src/api/kiln/instance.ts'
import { describePublicPorts } from '../../../../src/cli/render/public-ports.ts'

function port(Port: number, changes: Partial<PublicPortDetail> = {}): PublicPortDetail {
  return { Protocol: 'tcp', PublicIp: '127.80.0.5', Port, HostPort: Port, ...changes }
}

function describe(PublicPorts: PublicPortDetail[], PartlyOffered: InstanceDetail['PartlyOffered'] = []) {
  return describePublicPorts({
    InstanceId: 'i-1',
    BootStages: [],
    LoginUser: 'user',
    MachineDirectory: '/machines/i-1',
    PublicPorts,
    PartlyOffered,
  })
}

test('neighbouring ports that are alike are one row', () => {
  expect(
    describe([
      port(8001),
      port(8000),
      port(8002),
      port(22, { HostPort: 10_022 }),
      port(23, { HostPort: 10_023 }),
      port(53, { Protocol: 'udp' }),
      port(54, { Protocol: 'udp', PublicIp: '127.80.0.6' }),
      port(8003, { Problem: '127.80.0.5:8003 cannot be offered' }),
    ]),
  ).toEqual([
    ['Ports 22-23', '127.80.0.5:10022-10023'],
    ['Ports 8000-8002', '127.80.0.5:8000-8002'],
    ['Port 8003', '127.80.0.5:8003 cannot be offered'],
    ['Port 53/udp', '127.80.0.5:53'],
    ['Port 54/udp', '127.80.0.6:54'],
  ])
})

test('a range that is not wholly offered says so', () => {
  const range = { Protocol: 'udp', PublicIp: '127.80.0.5', FromPort: 1, ToPort: 65_535 } as const
  expect(describe([], [range])).toEqual([
    ['Ports 1-65535/udp', 'too many: the host offers the well-known ones; kiln tunnel and kiln socks reach them all'],
  ])
})
