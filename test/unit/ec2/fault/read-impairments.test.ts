import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readImpairments } from '../../../../src/ec2/fault/read-impairments.ts'
import type { InterfaceRecord } from '../../../../src/ec2/network-interface/network-interface.ts'
import type { Store } from '../../../../src/ec2/ports/store.ts'
import type { PeeringRecord } from '../../../../src/ec2/vpc-peering/vpc-peering.ts'
import type { VpcRecord } from '../../../../src/ec2/vpc/vpc.ts'
import { openStore } from '../../../../src/store/store.ts'

const scope = { accountId: '000000000000', region: 'us-east-1' }
const now = new Date('2026-01-01T12:00:00Z')
let directory: string
let store: Store

beforeEach(async () => {
  directory = await mkdtemp('/tmp/kiln-impairments-')
  store = openStore(join(directory, 'kiln.db'))
})
afterEach(async () => {
  store.close()
  await rm(directory, { recursive: true })
})

function addInterface(id: string, vpcId: string, privateIp: string): void {
  const record: InterfaceRecord = {
    ...scope,
    ...{
      id,
      vpcId,
      privateIp,
      subnetId: `subnet of ${vpcId}`,
      availabilityZone: 'us-east-1a',
      description: '',
      groupIds: [],
    },
    ...{ macAddress: `mac of ${id}`, hasSourceDestCheck: true, wantsPublicIp: false },
  }
  store.transaction(() => store.interfaces.insert(record))
}

function part(targets: readonly string[], against: readonly string[]): void {
  const times = { startedAt: now.toISOString(), endsAt: '2026-01-01T13:00:00Z' }
  store.transaction(() =>
    store.faults.insert({ ...scope, id: 'fault-1', effect: { kind: 'partition', against }, targets, ...times }),
  )
}

function partitionsOf(vpcId: string) {
  return readImpairments(store, { ...scope, id: vpcId } as VpcRecord, new Set(), now)?.partitions
}

test('a partition is in the VPC of its sides, and in no other one, which may have the same addresses', () => {
  addInterface('eni-1', 'vpc-1', '10.0.0.5')
  addInterface('eni-2', 'vpc-1', '10.0.0.6')
  addInterface('eni-3', 'vpc-2', '10.0.0.5')
  part(['eni-1'], ['eni-2'])
  expect(partitionsOf('vpc-1')).toEqual([[['10.0.0.5'], ['10.0.0.6']]])
  expect(partitionsOf('vpc-2')).toBeUndefined()
})

test('between two VPCs it is in both while they are peered', () => {
  addInterface('eni-1', 'vpc-1', '10.0.0.5')
  addInterface('eni-2', 'vpc-2', '10.1.0.6')
  part(['vpc-1'], ['eni-2'])
  expect([partitionsOf('vpc-1'), partitionsOf('vpc-2')]).toEqual([undefined, undefined])
  const side = (vpcId: string) => ({ ...scope, vpcId, cidrs: [], allowsRemoteDns: false })
  const peering = { ...scope, id: 'pcx-1', requester: side('vpc-1'), accepter: side('vpc-2'), state: 'active' }
  store.transaction(() => store.peerings.insert({ ...peering, createdAt: now.toISOString() } as PeeringRecord))
  const sides = [[['10.0.0.5'], ['10.1.0.6']]]
  expect([partitionsOf('vpc-1'), partitionsOf('vpc-2')]).toEqual([sides, sides])
})
