import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { tidyNatGateways } from '../../../../src/ec2/nat-gateway/nat-gateway.ts'
import type { InstanceRecord } from '../../../../src/ec2/instance/instance.ts'
import type { InterfaceRecord } from '../../../../src/ec2/network-interface/network-interface.ts'
import type { Store } from '../../../../src/ec2/ports/store.ts'
import type { Route, RouteTableRecord } from '../../../../src/ec2/route-table/route-table.ts'
import { routesOfSubnet } from '../../../../src/ec2/route-table/subnet-routes.ts'
import { openStore } from '../../../../src/store/store.ts'

const scope = { accountId: '000000000000', region: 'us-east-1' }
const now = new Date('2026-01-01T12:00:00Z')
let directory: string
let store: Store

beforeEach(async () => {
  directory = await mkdtemp('/tmp/kiln-routes-')
  store = openStore(join(directory, 'kiln.db'))
  store.transaction(() => {
    store.internetGateways.insert({ ...scope, id: 'igw-1', vpcId: 'vpc-1' })
    store.natGateways.insert({
      ...scope,
      ...{ id: 'nat-1', vpcId: 'vpc-1', subnetId: 'subnet-1', interfaceId: 'eni-9', privateIp: '10.0.0.9' },
      connectivity: 'private',
      state: 'pending',
      createTime: now.toISOString(),
    })
    setEntries(['10.8.0.0/16', '10.9.0.0/16'])
  })
})
afterEach(async () => {
  store.close()
  await rm(directory, { recursive: true })
})

function setEntries(cidrs: readonly string[]): void {
  store.prefixLists.remove('pl-1')
  store.prefixLists.insert({
    ...scope,
    ...{ id: 'pl-1', name: 'one', addressFamily: 'IPv4', maxEntries: 9, state: 'create-complete', version: 1 },
    entries: cidrs.map((cidr) => ({ cidr })),
  })
}

function routesOf(...routes: readonly Route[]) {
  const main: RouteTableRecord = { ...scope, id: 'rtb-1', vpcId: 'vpc-1', routes, associations: [{ id: 'rtbassoc-1' }] }
  const subnet = { id: 'subnet-1' } as Parameters<typeof routesOfSubnet>[2]
  return routesOfSubnet(store, [main], subnet).map(({ destination, target }) => `${destination} ${target.kind}`)
}

test('a route leads where its target is, and is a blackhole when that has gone', () => {
  const routes: Route[] = [
    { destination: '0.0.0.0/0', gatewayId: 'igw-1' },
    { destination: '10.1.0.0/16', natGatewayId: 'nat-1' },
    { destination: '10.2.0.0/16', interfaceId: 'eni-gone' },
    { destination: '10.3.0.0/16', vpcPeeringConnectionId: 'pcx-gone' },
  ]
  expect(routesOf(...routes)).toEqual([
    '0.0.0.0/0 internet',
    '10.1.0.0/16 nat',
    '10.2.0.0/16 blackhole',
    '10.3.0.0/16 blackhole',
  ])
  store.transaction(() => {
    store.internetGateways.replace({ ...scope, id: 'igw-1', vpcId: 'vpc-2' })
    store.natGateways.remove('nat-1')
  })
  expect(routesOf(...routes).slice(0, 2)).toEqual(['0.0.0.0/0 blackhole', '10.1.0.0/16 blackhole'])
})

test('a route to an interface is a blackhole while its instance does not run, and when it is detached', () => {
  const instance = (state: string) => ({ ...scope, id: 'i-1', state }) as unknown as InstanceRecord
  const record = { ...scope, id: 'eni-1', subnetId: 'subnet-1', privateIp: '10.0.0.5' } as unknown as InterfaceRecord
  const attachment = { id: 'eni-attach-1', instanceId: 'i-1' } as unknown as NonNullable<InterfaceRecord['attachment']>
  const kind = () => routesOf({ destination: '0.0.0.0/0', interfaceId: 'eni-1' })[0]?.split(' ')[1]
  store.transaction(() => {
    store.instances.insert(instance('running'))
    store.interfaces.insert({ ...record, attachment })
  })
  expect(kind()).toBe('interface')
  store.transaction(() => store.instances.replace(instance('stopped')))
  expect(kind()).toBe('blackhole')
  store.transaction(() => {
    store.instances.replace(instance('running'))
    store.interfaces.replace(record)
  })
  expect(kind()).toBe('blackhole')
})

test('a prefix list stands for its entries as they are now, after the routes that name a block themselves', () => {
  const byList: Route = { destination: 'pl-1', natGatewayId: 'nat-1' }
  expect(routesOf(byList, { destination: '10.9.0.0/16', gatewayId: 'igw-1' })).toEqual([
    '10.9.0.0/16 internet',
    '10.8.0.0/16 nat',
  ])
  store.transaction(() => setEntries(['10.7.0.0/16']))
  expect(routesOf(byList)).toEqual(['10.7.0.0/16 nat'])
})

test('a NAT gateway that a crash left between two states is settled, and forgotten an hour after its end', () => {
  const stateOf = () => store.natGateways.find('nat-1')?.state
  store.transaction(() => tidyNatGateways(store, now))
  expect(stateOf()).toBe('available')
  const gateway = store.natGateways.find('nat-1')
  if (!gateway) throw new Error('it is there')
  store.transaction(() => {
    store.natGateways.replace({ ...gateway, state: 'deleting' })
    tidyNatGateways(store, now)
  })
  expect(stateOf()).toBe('deleted')
  const later = (minutes: number) => new Date(now.getTime() + minutes * 60_000)
  store.transaction(() => tidyNatGateways(store, later(59)))
  expect(stateOf()).toBe('deleted')
  store.transaction(() => tidyNatGateways(store, later(60)))
  expect(stateOf()).toBeUndefined()
})
