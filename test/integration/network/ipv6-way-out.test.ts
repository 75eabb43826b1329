import { join } from 'node:path'
import { execa } from 'execa'
import { expect, test } from 'vitest'

test('guests reach the internet by IPv6 once the host does, and are told at once that there is no way before', async () => {
  const program = join(import.meta.dirname, 'ipv6-way-out-lab.ts')
  // As root of a user namespace of its own, whoever runs it.
  const host = ['unshare', '--user', '--map-root-user', '--net', '--', process.execPath, '--import'] as const
  const { stdout } = await execa(host[0], [...host.slice(1), import.meta.resolve('tsx'), program])
  expect(JSON.parse(stdout)).toEqual({
    withoutRoute: 'ENETUNREACH',
    reached: ['2001:db8:2::1'],
    withoutGateway: 'silent',
    left: [],
  })
})
