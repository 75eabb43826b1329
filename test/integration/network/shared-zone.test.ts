import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import pino from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Store } from '../../../src/ec2/ports/store.ts'
import { createSpareTaps } from '../../../src/ec2/vpc/spare-taps.ts'
import { createNetworkDriver, type NetworkDriver } from '../../../src/ec2/vpc/network-driver.ts'
import { systemClock as clock } from '../../../src/host/clock.ts'
import { openStore } from '../../../src/store/store.ts'
import { type FakeGuest, networkInterface, openVpcLab, until, vpc, type VpcLab } from './vpc-lab.ts'

// A private zone with an alias to an instance of one VPC, which a guest of another VPC asks for: from the records to the guest.
const scope = { accountId: '123456789012', region: 'us-east-1' }
const asker = networkInterface(5)
let directory: string
let store: Store
let lab: VpcLab
let driver: NetworkDriver
let guest: FakeGuest

beforeAll(async () => {
  directory = await mkdtemp('/tmp/kiln-zones-')
  store = openStore(join(directory, 'kiln.db'))
  lab = await openVpcLab((_, response) => response.end('metadata'))
  driver = createNetworkDriver({
    ...{ store, clock, network: lab.network(), log: pino({ level: 'silent' }) },
    isWatched: () => false,
    spareTaps: createSpareTaps(),
  })
  await lab.network().converge(vpc())
  guest = await lab.plug('vpc-1', asker)
  store.transaction(() => {
    putVpc('vpc-1', '172.31.0.0/16')
    putVpc('vpc-2', '10.2.0.0/16')
    putInstance('i-1', 'vpc-1', 'running')
    putInterface(asker.id, 'i-1', 'vpc-1', '172.31.0.5')
    putInstance('i-2', 'vpc-2', 'stopped')
    putInterface('eni-00000000000000022', 'i-2', 'vpc-2', '10.2.0.5')
    store.dnsZones.insert({ ...scope, id: 'zone-1', name: 'lab.internal', vpcIds: ['vpc-1'] })
    for (const type of ['A', 'AAAA'] as const) {
      store.dnsRecords.insert({
        ...{ ...scope, id: `zone-1/${type}`, zoneId: 'zone-1', name: 'web.lab.internal', type, ttl: 60, values: [] },
        instanceIds: ['i-2'],
      })
    }
  })
  await driver.refresh('vpc-1')
})
afterAll(async () => {
  expect(await lab.close(['vpc-1', 'vpc-2'])).toEqual([])
  store.close()
  await rm(directory, { recursive: true })
})

function putVpc(id: string, cidr: string): void {
  store.vpcs.insert({ ...scope, id, cidr, dhcpOptionsId: 'default' } as never)
  const subnetCidr = cidr.replace('/16', '/20')
  store.subnets.insert({ ...scope, id: `subnet-${id}`, vpcId: id, cidr: subnetCidr } as never)
}

function putInstance(id: string, vpcId: string, state: string): void {
  const privateDns = { hostnameType: 'ip-name', hasResourceNameA: false, hasResourceNameAaaa: false }
  store.instances.insert({
    ...{ ...scope, id, vpcId, state, privateDns, privateIp: id === 'i-2' ? '10.2.0.5' : '172.31.0.5' },
    metadataOptions: { httpPutResponseHopLimit: 1 },
  } as never)
}

function putInterface(id: string, instanceId: string, vpcId: string, privateIp: string): void {
  store.interfaces.insert({
    ...{ ...scope, id, vpcId, subnetId: `subnet-${vpcId}`, privateIp, groupIds: [], hasSourceDestCheck: true },
    ...{ macAddress: asker.mac, attachment: { instanceId, deviceIndex: 0 } },
  } as never)
}

/** What the guest of the first VPC is answered for the name. */
async function ask(type: 4 | 6): Promise<string[]> {
  return await guest.evaluate<string[]>(`
    const resolver = new (require('dns').promises.Resolver)({ timeout: 2000, tries: 2 })
    resolver.setServers(['172.31.0.2'])
    return await resolver.resolve${type}('web.lab.internal').catch((error) => [error.code])`)
}

test('an alias follows its instance in every VPC that has the zone, wherever the instance is', async () => {
  await until(async () => (await ask(4)).join() === '10.2.0.5')
  expect(await ask(6)).toEqual(['ENODATA'])
  store.transaction(() => {
    const record = store.interfaces.find('eni-00000000000000022')
    if (record) store.interfaces.replace({ ...record, ipv6Addresses: ['fd12:3456:789a::5'] })
  })
  // As operations do: of the VPC whose interface it is.
  driver.refreshSoon('vpc-2')
  await until(async () => (await ask(6)).join() === 'fd12:3456:789a::5')
  store.transaction(() => {
    const record = store.instances.find('i-2')
    if (record) store.instances.replace({ ...record, state: 'terminated' })
  })
  driver.refreshSoon('vpc-2')
  await until(async () => (await ask(4)).join() === 'ENODATA')
})
