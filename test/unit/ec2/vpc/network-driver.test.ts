import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { InstanceRecord } from '../../../../src/ec2/instance/instance.ts'
import type { Store } from '../../../../src/ec2/ports/store.ts'
import { readVpcNetwork } from '../../../../src/ec2/vpc/network-driver.ts'
import { openStore } from '../../../../src/store/store.ts'

const scope = { accountId: '123456789012', region: 'us-east-1' }
const own = { vpcId: 'vpc-1', subnetId: 'subnet-1' }

let directory: string
let store: Store

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kiln-vpc-network-'))
  store = openStore(join(directory, 'kiln.db'))
  store.transaction(() => {
    store.vpcs.insert({ ...scope, id: 'vpc-1', cidr: '10.0.0.0/16', dhcpOptionsId: 'default' } as never)
    store.subnets.insert({ ...scope, id: 'subnet-1', vpcId: 'vpc-1', cidr: '10.0.0.0/24' } as never)
    putInterface('eni-0a', 'i-1', 0, ['fd00:1::5', 'fd00:1::6'])
    putInterface('eni-0b', 'i-1', 1, ['fd00:1::7'])
  })
})
afterEach(async () => {
  store.close()
  await rm(directory, { recursive: true })
})

function putInterface(id: string, instanceId: string, deviceIndex: number, ipv6Addresses: readonly string[]): void {
  store.interfaces.insert({
    ...scope,
    ...own,
    ...{ id, macAddress: '02:00:00:00:00:01', privateIp: `10.0.0.${deviceIndex + 5}`, groupIds: [], ipv6Addresses },
    attachment: { instanceId, deviceIndex },
  } as never)
}

function putInstance(state: string, hasResourceNameAaaa: boolean, httpProtocolIpv6?: string): void {
  const options = { httpPutResponseHopLimit: 2, ...(httpProtocolIpv6 ? { httpProtocolIpv6 } : {}) }
  const privateDns = { hostnameType: 'ip-name', hasResourceNameA: false, hasResourceNameAaaa }
  const record = { ...scope, ...own, id: 'i-1', state, metadataOptions: options, privateDns }
  store.transaction(() => {
    store.instances.remove('i-1')
    store.instances.insert(record as unknown as InstanceRecord)
  })
}

const read = () => readVpcNetwork(store, 'vpc-1', { now: new Date(0) })

test('the name after an id leads to the first IPv6 address of a live instance, where its options say so', () => {
  putInstance('running', true, 'enabled')
  expect(read()?.interfaces).toMatchObject([
    {
      id: 'eni-0a',
      ipv6Addresses: [
        { address: 'fd00:1::5', names: ['i-1.ec2.internal'] },
        { address: 'fd00:1::6', names: [] },
      ],
      metadata: { hopLimit: 2, hasIpv6Endpoint: true },
    },
    { id: 'eni-0b', ipv6Addresses: [{ address: 'fd00:1::7', names: [] }] },
  ])
  expect(read()?.names?.ipv6Hosts).toBeUndefined()
  putInstance('running', false)
  const [first] = read()?.interfaces ?? []
  expect(first?.ipv6Addresses?.[0]).toEqual({ address: 'fd00:1::5', names: [] })
  expect(first?.metadata).toEqual({ hopLimit: 2 })
})

test('addresses of a stopped instance have their names without an interface', () => {
  putInstance('stopped', true)
  expect(read()?.interfaces).toEqual([])
  expect(read()?.names?.ipv6Hosts).toEqual([
    { address: 'fd00:1::5', names: ['i-1.ec2.internal'] },
    { address: 'fd00:1::6', names: [] },
    { address: 'fd00:1::7', names: [] },
  ])
})

test('an AAAA record of instances leads to the first IPv6 address of each', () => {
  putInstance('stopped', false)
  store.transaction(() => {
    store.dnsZones.insert({ ...scope, id: 'zone-1', name: 'lab.internal', vpcIds: ['vpc-1'] })
    store.dnsRecords.insert({
      ...{ ...scope, id: 'r-1', zoneId: 'zone-1', name: 'web.lab.internal', type: 'AAAA', ttl: 60, values: [] },
      instanceIds: ['i-1', 'i-gone'],
    } as never)
  })
  expect(read()?.names?.zones).toEqual([
    {
      name: 'lab.internal',
      records: [{ name: 'web.lab.internal', type: 'AAAA', ttl: 60, values: ['fd00:1::5'] }],
    },
  ])
})
