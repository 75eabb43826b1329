import { join } from 'node:path'
import { execa } from 'execa'
import { expect, test } from 'vitest'

const isRoot = process.getuid?.() === 0

// Bridges are root's alone; who is not has nothing to test.
test.runIf(isRoot)(
  'a server is on the LAN by a bridge of the host, past its VPC, and the host is as before when it ends',
  async () => {
    const program = join(import.meta.dirname, 'bridged-lab.ts')
    // The kernel shows the devices of the network namespace that /sys was mounted in.
    const own = ['--net', '--mount', 'sh', '-c', 'mount -t sysfs sysfs /sys && exec "$@"', 'sh']
    const { stdout } = await execa('unshare', [
      ...own,
      process.execPath,
      '--import',
      import.meta.resolve('tsx'),
      program,
    ])
    expect(JSON.parse(stdout)).toEqual({
      problems: [
        'none',
        'br1 may not be used: network.bridges in config.yaml names br0, br9, lo',
        'This host has no bridge br9',
        'lo of this host is no bridge',
      ],
      out: 'open',
      inward: 'hello',
      isOwnMac: true,
      neighbours: ['192.168.77.10'],
      seen: ['192.168.77.50'],
      knowsLan: false,
      isRouterThere: false,
      isSameBridge: true,
      absent: ['a server of vpc-2 is not on a bridge of the host: This host has no bridge br9'],
      refused: 'This host has no bridge br9',
      anew: 'hello',
      portsBetween: 1,
      again: 'hello',
      portsAfter: 1,
      hasDevices: false,
      left: [],
      isAsBefore: true,
    })
  },
)
