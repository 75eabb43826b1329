import type { VpcNetwork } from '../../src/ec2/ports/vpc-network.ts'
import { group, openVpcLab, vpc } from '../../test/integration/network/vpc-lab.ts'
import { type Figure, median, milliseconds } from '../bench/figure.ts'
import { manyInterfaces } from './path.ts'

const rounds = 10
/** For the receiver to be there. */
const settleMs = 1000

/**
 * From the moment that the network is told of a rule until the first packet that it lets through, among few interfaces and among many. The
 * call that changed the group has returned by then: what lies between is a turn of the daemon's loop.
 */
export async function measureGroupChange(): Promise<Figure[]> {
  const few = median(await measureAmong(manyInterfaces(2, 20)))
  const many = median(await measureAmong(manyInterfaces(100, 1000)))
  const what = 'a rule is told → its first packet arrives'
  return [
    milliseconds(`${what}, 2 interfaces (median of ${rounds})`, few, 100, 'a packet is sent each millisecond'),
    milliseconds(
      `${what}, 100 interfaces and 1000 rules (median of ${rounds})`,
      many,
      200,
      `2 interfaces ${Math.round(few)} ms`,
    ),
  ]
}

async function measureAmong(open: VpcNetwork): Promise<number[]> {
  const closed = { ...open, groups: open.groups.map((one) => (one.id === 'sg-1' ? group('sg-1', []) : one)) }
  const [first, second] = open.interfaces
  if (!first || !second) throw new Error('there are no guests')
  const lab = await openVpcLab((_, response) => response.end())
  try {
    await lab.network().converge(vpc())
    const [sender, receiver] = [await lab.plug('vpc-1', first), await lab.plug('vpc-1', second)]
    await lab.network().converge(closed)
    await sender.start(`
      const socket = require('dgram').createSocket('udp4')
      setInterval(() => socket.send('x', 5000, '${second.privateIp}'), 1)
      console.log('ready')`)
    const found: number[] = []
    for (let round = 0; round < rounds; round++) {
      // Nothing answers, so that each packet is the first of its connection for the firewall.
      const arrived = receiver.evaluate<number>(`return await new Promise((resolve) => {
        require('dgram').createSocket('udp4').bind(5000).once('message', () => resolve(Date.now()))
      })`)
      await new Promise((resolve) => setTimeout(resolve, settleMs))
      const began = Date.now()
      await lab.network().converge(open)
      found.push((await arrived) - began)
      await lab.network().converge(closed)
    }
    return found
  } finally {
    await lab.close(['vpc-1'])
  }
}
