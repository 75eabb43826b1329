import { systemClock as clock } from '../../src/host/clock.ts'
import { systemRandom as random } from '../../src/host/random.ts'
import { createMetadataService } from '../../src/metadata/service.ts'
import { networkInterface, openVpcLab, vpc } from '../../test/integration/network/vpc-lab.ts'
import { sampleInstance } from '../../test/unit/metadata/sample-instance.ts'
import type { Figure } from '../bench/figure.ts'

const seconds = 5
const simultaneous = 8
const least = 500

/** Requests of one guest to the real metadata service, each on a connection of its own; the reference answers nothing but `ok` there. */
export async function measureMetadata(): Promise<Figure[]> {
  const instance = sampleInstance({
    options: { isEnabled: true, tokens: 'optional', hopLimit: 1, areTagsEnabled: true },
  })
  const service = createMetadataService({
    clock,
    random,
    lookup: () => ({ instanceId: instance.instanceId, describe: () => instance }),
    // Its own limit is not what is measured; the interface's is in force.
    requestsPerSecond: 1_000_000,
    observe: () => undefined,
    tokenSecret: random.bytes(32),
    signer: { sign: () => Promise.reject(new Error('nobody asks for a signature')) },
    onError: (error) => {
      throw error
    },
  })
  const real = service.listener('vpc-1')
  const lab = await openVpcLab((request, response) => {
    if (request.url === '/bare') response.end('ok')
    else real(request, response)
  })
  try {
    await lab.network().converge(vpc())
    const own = networkInterface(5)
    const guest = await lab.plug('vpc-1', own)
    await lab.network().converge(vpc({ interfaces: [own] }))
    const ask = async (path: string) =>
      await guest.evaluate<number>(`
        const { get } = require('http')
        const end = Date.now() + ${seconds * 1000}
        let done = 0
        const once = () => new Promise((resolve) => {
          get('http://169.254.169.254${path}', { agent: false, timeout: 5000 }, (response) => {
            response.resume().on('end', () => resolve(response.statusCode === 200))
          }).on('error', () => resolve(false))
        })
        const work = async () => { while (Date.now() < end) if (await once()) done++ }
        await Promise.all(Array.from({ length: ${simultaneous} }, work))
        return done / ${seconds}`)
    const rate = await ask('/latest/meta-data/instance-id')
    const bare = await ask('/bare')
    return [
      {
        name: `metadata requests of one guest, ${simultaneous} at a time, each on its own connection`,
        value: `${Math.round(rate)} a second`,
        limit: `≥ ${least} a second`,
        isKept: rate >= least,
        reference: `an answer of two bytes in the same place ${Math.round(bare)} a second`,
      },
    ]
  } finally {
    await lab.close(['vpc-1'])
  }
}
