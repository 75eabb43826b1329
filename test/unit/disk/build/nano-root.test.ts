import { expect, test } from 'vitest'
import { orderModules } from '../../../../src/disk/build/nano-root.ts'

const dependencies = `kernel/drivers/virtio/virtio.ko:
kernel/drivers/virtio/virtio_ring.ko: kernel/drivers/virtio/virtio.ko
kernel/drivers/net/net_failover.ko: kernel/net/core/failover.ko
kernel/net/core/failover.ko:
kernel/drivers/net/virtio_net.ko: kernel/drivers/net/net_failover.ko kernel/net/core/failover.ko kernel/drivers/virtio/virtio_ring.ko kernel/drivers/virtio/virtio.ko
kernel/drivers/char/hw_random/virtio-rng.ko.xz: kernel/drivers/virtio/virtio_ring.ko kernel/drivers/virtio/virtio.ko
`
const builtin = 'kernel/fs/ext4/ext4.ko\nkernel/net/packet/af_packet.ko\n'

test('inserts each module after what it depends on, and once', () => {
  expect(orderModules(dependencies, builtin, ['virtio_net', 'virtio_rng'])).toEqual([
    'kernel/drivers/virtio/virtio.ko',
    'kernel/drivers/virtio/virtio_ring.ko',
    'kernel/net/core/failover.ko',
    'kernel/drivers/net/net_failover.ko',
    'kernel/drivers/net/virtio_net.ko',
    'kernel/drivers/char/hw_random/virtio-rng.ko.xz',
  ])
})

test('leaves out what is built into the kernel', () => {
  expect(orderModules(dependencies, builtin, ['ext4', 'af_packet'])).toEqual([])
})

test('refuses a module that the kernel does not have', () => {
  expect(() => orderModules(dependencies, builtin, ['nvme'])).toThrow('the kernel has no module nvme')
})
