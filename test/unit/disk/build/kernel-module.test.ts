import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { orderModules } from '../../../../src/disk/build/kernel-module.ts'

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kernel-modules-'))
  const depends = {
    'drivers/virtio/virtio': '',
    'drivers/virtio/virtio_ring': 'virtio',
    'drivers/net/net_failover': 'failover',
    'net/core/failover': '',
    'drivers/net/virtio_net': 'virtio_ring,virtio,net_failover',
    'drivers/char/hw_random/virtio-rng': 'virtio_ring,virtio',
  }
  for (const [path, needs] of Object.entries(depends)) {
    const file = join(directory, 'kernel', `${path}.ko`)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, `\x7fELF\0alias=of:x\0depends=${needs}\0name=${path}\0`)
  }
  await writeFile(join(directory, 'modules.builtin'), 'kernel/fs/ext4/ext4.ko\nkernel/net/packet/af_packet.ko\n')
})
afterEach(async () => {
  await rm(directory, { recursive: true })
})

const order = async (names: readonly string[]) =>
  (await orderModules(directory, names)).map((path) => path.slice(directory.length + '/kernel/'.length))

test('inserts each module after what it depends on, and once', async () => {
  expect(await order(['virtio_net', 'virtio_rng'])).toEqual([
    'drivers/virtio/virtio.ko',
    'drivers/virtio/virtio_ring.ko',
    'net/core/failover.ko',
    'drivers/net/net_failover.ko',
    'drivers/net/virtio_net.ko',
    'drivers/char/hw_random/virtio-rng.ko',
  ])
})

test('leaves out what is built into the kernel', async () => {
  expect(await order(['ext4', 'af_packet'])).toEqual([])
})

test('refuses a module that the kernel does not have', async () => {
  await expect(order(['nvme'])).rejects.toThrow('the kernel has no module nvme')
})
