import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { InterfaceRecord } from '../../../../src/ec2/network-interface/network-interface.ts'
import type { Store } from '../../../../src/ec2/ports/store.ts'
import type { SecurityGroupRecord } from '../../../../src/ec2/security-group/security-group.ts'
import type { VpcRecord } from '../../../../src/ec2/vpc/vpc.ts'
import { readPeerings } from '../../../../src/ec2/vpc-peering/read-peerings.ts'
import { openStore } from '../../../../src/store/store.ts'

const scope = { accountId: '000000000000', region: 'us-east-1' }
const side = (vpcId: string) => ({ ...scope, vpcId, allowsRemoteDns: false })
const vpc = (id: string, cidr: string, ipv6: string): VpcRecord => ({
  ...{ ...scope, id, cidr, isDefault: false, dhcpOptionsId: 'default' },
  ipv6Cidrs: [{ id: `vpc-cidr-assoc-${id}`, cidr: ipv6 }],
})
const own = vpc('vpc-1', '10.1.0.0/16', 'fd11:1:1:100::/56')
let directory: string
let store: Store

beforeEach(async () => {
  directory = await mkdtemp('/tmp/kiln-peerings-')
  store = openStore(join(directory, 'kiln.db'))
  store.transaction(() => {
    store.vpcs.insert(own)
    store.vpcs.insert(vpc('vpc-2', '10.2.0.0/16', 'fd22:2:2:200::/56'))
    store.peerings.insert({
      ...{ ...scope, id: 'pcx-1', requester: side('vpc-1'), accepter: side('vpc-2') },
      ...{ state: 'active', createdAt: '2026-01-01T12:00:00Z' },
    })
    const peerRule = {
      ...{ id: 'sgr-1', isEgress: false, protocol: '-1', fromPort: -1, toPort: -1, peerGroupId: 'sg-2' },
      peering: { connectionId: 'pcx-1', vpcId: 'vpc-2', accountId: scope.accountId },
    }
    const group = (id: string, vpcId: string): SecurityGroupRecord => ({
      ...{ ...scope, id, name: id, description: id, vpcId },
      rules: id === 'sg-1' ? [peerRule] : [],
    })
    store.securityGroups.insert(group('sg-1', 'vpc-1'))
    store.securityGroups.insert(group('sg-2', 'vpc-2'))
    store.interfaces.insert({
      ...{ ...scope, id: 'eni-2', vpcId: 'vpc-2', subnetId: 'subnet-2', privateIp: '10.2.0.5', groupIds: ['sg-2'] },
      ipv6Addresses: ['fd22:2:2:201::5'],
    } as unknown as InterfaceRecord)
  })
})
afterEach(async () => {
  store.close()
  await rm(directory, { recursive: true })
})

test('a peer is told with its blocks and the addresses of its group members, of both families', () => {
  expect(readPeerings(store, own, () => true)).toEqual([
    {
      ...{ id: 'pcx-1', peerVpcId: 'vpc-2', isInterRegion: false },
      cidrs: ['10.2.0.0/16', 'fd22:2:2:200::/56'],
      groups: [{ id: 'sg-2', addresses: ['10.2.0.5', 'fd22:2:2:201::5'] }],
    },
  ])
  expect(readPeerings(store, own, () => false)[0]?.groups).toEqual([{ id: 'sg-2', addresses: [] }])
})
