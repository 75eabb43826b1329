import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { VpcNetwork } from '../../src/ec2/ports/vpc-network.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Lab, openLab, ordinaryUser } from './lab.ts'
import { createChanges } from './network-crash/changes.ts'
import { listeningPorts, lookAtFresh, portsOf, readIntent } from './network-crash/fresh-networks.ts'
import { type Ground, layGround } from './network-crash/ground.ts'
import { createIpv6Changes } from './network-crash/ipv6-changes.ts'
import { lookAtNetworks } from './network-crash/kernel-network.ts'
import { createRandom, type TestRandom } from './random.ts'
import { isDaemonGone } from './simultaneous-work.ts'

/** How many changes are under way when the daemon is killed. */
const simultaneous = 8
/** Each kind of change comes so often: there, and back. */
const passes = 2
const longestConvergenceMs = 180_000

let lab: Lab
let ground: Ground

beforeAll(async () => {
  lab = await openLab(process.getuid?.() === 0 ? ordinaryUser : undefined, {
    // A machine that has halted hears no power button.
    configuration: 'dns: { port: 0 }\nmachines: { stopTimeoutSeconds: 1 }\n',
  })
  await lab.startDaemon()
  ground = await layGround(lab)
})
afterAll(async () => {
  expect(await lab.close()).toEqual([])
})

/** What there is comes to be what there would be if all were made anew from the records. */
async function expectIntent(): Promise<void> {
  const deadline = Date.now() + longestConvergenceMs
  let intended: { vpcs: readonly VpcNetwork[]; ports: unknown; networks: unknown } | undefined
  for (;;) {
    const vpcs = readIntent(lab, [ground.vpcId, ground.peerVpcId])
    // What was broken off may go on for a while.
    if (!isDeepStrictEqual(intended?.vpcs, vpcs))
      intended = { vpcs, ports: portsOf(vpcs), networks: await lookAtFresh(vpcs) }
    const [ports, networks] = await Promise.all([
      listeningPorts(ground.webAddress),
      lookAtNetworks(join(lab.home, 'networks')),
    ])
    const present = { vpcs, ports, networks }
    if (isDeepStrictEqual(present, intended)) return
    if (Date.now() > deadline) expect(present).toEqual(intended)
  }
}

/** Hands of all the values, none of them twice: two changes of one kind would be in each other's way. */
function deal<T>(random: TestRandom, values: readonly T[]): T[][] {
  const rest = [...values]
  const shuffled = values.flatMap(() => rest.splice(random.below(rest.length), 1))
  const hands = Math.ceil(values.length / simultaneous)
  return Array.from({ length: hands }, (_, hand) => shuffled.slice(hand * simultaneous, (hand + 1) * simultaneous))
}

test('each kind of change of a network, broken off by the death of the daemon, comes to what is recorded', async () => {
  const random = createRandom(process.env['KILN_TEST_SEED'])
  console.log(`the moments and the order come from KILN_TEST_SEED=${random.seed}`)
  const changes = { ...createChanges(lab.call, ground), ...createIpv6Changes(lab.call, ground) }
  await expectIntent()
  for (const names of Array.from({ length: passes }, () => deal(random, Object.keys(changes))).flat()) {
    const work = Promise.all(names.map(async (name) => await untilDeath(changes[name])))
    await random.sleep(10, 400)
    await lab.killDaemon()
    const refusals = await work
    await lab.startDaemon()
    expect(refusals.filter((refusal) => refusal !== undefined)).toEqual([])
    await expectIntent()
  }
})

/** That the daemon's death breaks a change off is what this is about; answers why one was refused. */
async function untilDeath(change: (() => Promise<unknown>) | undefined): Promise<string | undefined> {
  try {
    await change?.()
    return undefined
  } catch (error) {
    return isDaemonGone(error) ? undefined : String(error)
  }
}
