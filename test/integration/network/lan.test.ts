import { join } from 'node:path'
import { execa } from 'execa'
import { expect, test } from 'vitest'

test('guests reach the internet by the router of the host’s LAN, and nobody of the LAN unless the host’s configuration lets them', async () => {
  const program = join(import.meta.dirname, 'lan-lab.ts')
  // As root of a user namespace of its own, whoever runs it.
  const host = ['unshare', '--user', '--map-root-user', '--net', '--', process.execPath, '--import'] as const
  const { stdout } = await execa(host[0], [...host.slice(1), import.meta.resolve('tsx'), program])
  const [lanRouter, vpnPeer, inTheWorld] = ['192.168.77.1', '10.66.0.1', '203.0.113.9']
  // The packets do what the analysis of the path says.
  const reached = (...hosts: string[]) => ({ packets: hosts, analysis: hosts })
  expect(JSON.parse(stdout)).toEqual({
    byDefault: reached(inTheWorld),
    beforeVpn: reached(inTheWorld, vpnPeer),
    withVpn: reached(inTheWorld),
    withLan: reached(inTheWorld, lanRouter, vpnPeer),
    left: [],
  })
})
