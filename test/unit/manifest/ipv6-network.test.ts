import { expect, test } from 'vitest'
import type { HostFacts } from '../../../src/manifest/host-facts.ts'
import { type Lab, labTag } from '../../../src/manifest/lab.ts'
import type { Observed } from '../../../src/manifest/observed.ts'
import { noNetwork } from '../../../src/manifest/observed-network.ts'
import { parseManifest } from '../../../src/manifest/parse.ts'
import { type Operation, operationId } from '../../../src/manifest/plan/plan.ts'
import { planDown, planUp } from '../../../src/manifest/plan/plan-lab.ts'
import { numberedBlock, numberOfBlock } from '../../../src/manifest/subnet-number.ts'

const facts: HostFacts = { recipes: new Map([['nano', ['x86_64']]]), catalog: new Map(), instanceTypes: new Map() }

const manifest = `
name: dual
images: { base: { recipe: nano } }
vpc: { cidr: 10.20.0.0/16, ipv6: true }
subnets:
  public: { cidr: 10.20.0.0/24, ipv6: true, assignIpv6: true, routes: { ::/0: internet } }
  app: { cidr: 10.20.1.0/24, ipv6: 0, routes: { 0::0/0: egressOnly } }
  old: { cidr: 10.20.2.0/24 }
securityGroups: { web: { ingress: [{ ports: 80, from: ['::/0'] }] } }
`
const block = 'fd12:3456:789a:ff00::/56'

const nothing: Observed = {
  ...{
    keyPairs: [],
    securityGroups: [],
    instances: [],
    schedules: [],
    faults: [],
    pipelines: [],
    zones: [],
    warmImages: [],
  },
  images: [{ ImageId: 'ami-1', Name: 'nano', Architecture: 'x86_64', CreationDate: '2026-01-01' }],
  network: noNetwork,
}

function owned(address: string) {
  return [
    { Key: labTag.lab, Value: 'dual' },
    { Key: labTag.resource, Value: address },
  ]
}

function ipv6Set(Ipv6CidrBlock: string) {
  return [{ Ipv6CidrBlock, Ipv6CidrBlockState: { State: 'associated' as const } }]
}

const table = (key: string, route?: object): Observed['network']['routeTables'][number] => ({
  RouteTableId: `rtb-${key}`,
  Tags: owned(`subnets.${key}`),
  Associations: [{ RouteTableAssociationId: `rtbassoc-${key}` }],
  Routes: route ? [{ Origin: 'CreateRoute', DestinationIpv6CidrBlock: '::/0', ...route }] : [],
})

const subnet = (key: string, number: number, ipv6?: string): Observed['network']['subnets'][number] => ({
  SubnetId: `subnet-${key}`,
  CidrBlock: `10.20.${number}.0/24`,
  AssignIpv6AddressOnCreation: key === 'public',
  Ipv6CidrBlockAssociationSet: ipv6 ? ipv6Set(ipv6) : [],
  Tags: owned(`subnets.${key}`),
})

const built: Observed = {
  ...nothing,
  securityGroups: [
    {
      GroupId: 'sg-1',
      GroupName: 'dual-web',
      Tags: owned('securityGroups.web'),
      IpPermissions: [{ IpProtocol: 'tcp', FromPort: 80, ToPort: 80, Ipv6Ranges: [{ CidrIpv6: '::/0' }] }],
      IpPermissionsEgress: [
        { IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }], Ipv6Ranges: [{ CidrIpv6: '::/0' }] },
      ],
    },
  ],
  network: {
    ...noNetwork,
    vpc: { VpcId: 'vpc-1', CidrBlock: '10.20.0.0/16', Ipv6CidrBlockAssociationSet: ipv6Set(block) },
    internetGateway: { InternetGatewayId: 'igw-1', Attachments: [{ VpcId: 'vpc-1' }] },
    egressOnlyGateway: { EgressOnlyInternetGatewayId: 'eigw-1' },
    subnets: [
      subnet('public', 0, numberedBlock(block, 1)),
      subnet('app', 1, numberedBlock(block, 0)),
      subnet('old', 2),
    ],
    routeTables: [
      table('public', { GatewayId: 'igw-1' }),
      table('app', { EgressOnlyInternetGatewayId: 'eigw-1' }),
      table('old'),
    ],
  },
}

async function labOf(text = manifest): Promise<Lab> {
  return (await parseManifest({ text, file: 'lab.yaml' })).lab
}

function find<Kind extends Operation['kind']>(operations: readonly Operation[], kind: Kind) {
  return operations.filter((operation): operation is Extract<Operation, { kind: Kind }> => operation.kind === kind)
}

test('a /64 has its number in the block of its VPC', () => {
  expect(numberedBlock(block, 0)).toBe('fd12:3456:789a:ff00::/64')
  expect(numberedBlock(block, 255)).toBe('fd12:3456:789a:ffff::/64')
  expect(numberOfBlock(block, 'fd12:3456:789a:ff2a::/64')).toBe(42)
  expect(numberOfBlock(block, 'fd12:3456:789a:ff00::/60')).toBeUndefined()
})

test('blocks, gateways and routes of IPv6 are made, with the lowest number that nobody else wants', async () => {
  const { operations, changes } = planUp(await labOf(), nothing, facts)
  expect(find(operations, 'put-vpc')[0]?.network).toMatchObject({
    hasIpv6: true,
    hasInternet: true,
    hasEgressOnly: true,
  })
  expect(find(operations, 'put-subnet').map(({ subnet: { key }, ipv6Number }) => [key, ipv6Number])).toEqual([
    ['public', 1],
    ['app', 0],
    ['old', undefined],
  ])
  expect(changes.find(({ address }) => address === 'vpc')?.details).toContainEqual({ name: 'ipv6', new: 'a block' })
  expect(changes.find(({ address }) => address === 'subnets.app')?.details).toContainEqual({
    name: 'route ::/0',
    new: 'egressOnly',
  })
})

test('nothing is done where all is in place', async () => {
  const plan = planUp(await labOf(), built, facts)
  expect(plan.changes).toEqual([])
  expect(plan.operations).toEqual([])
  expect(plan.refusals).toEqual([])
})

test('a network gets IPv6 while it is there, and its groups what EC2 adds to them', async () => {
  const [group] = built.securityGroups
  const before: Observed = {
    ...built,
    securityGroups: [{ ...group, IpPermissionsEgress: [{ IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] }] }],
    network: {
      ...built.network,
      vpc: { VpcId: 'vpc-1', CidrBlock: '10.20.0.0/16' },
      subnets: [subnet('public', 0), subnet('app', 1), subnet('old', 2)],
    },
  }
  const { operations, refusals } = planUp(await labOf(), before, facts)
  expect(refusals).toEqual([])
  expect(operations.map(({ id }) => id)).toEqual([
    operationId.putVpc,
    operationId.putSubnet('public'),
    operationId.putSubnet('app'),
  ])
})

const ofDefaultVpc = `
name: dual
images: { base: { recipe: nano } }
securityGroups:
  web: { ingress: [{ ports: 80, from: ['::/0'] }] }
`

/** A lab in the default VPC, which has been given a block, or none. */
function inDefaultVpc(blocks: readonly string[], changes: Partial<Observed> = {}): Observed {
  const [web] = built.securityGroups
  return {
    ...nothing,
    securityGroups: [{ GroupId: 'sg-0', GroupName: 'default' }, ...(web ? [web] : [])],
    network: {
      ...noNetwork,
      otherVpcs: [{ VpcId: 'vpc-0', IsDefault: true, Ipv6CidrBlockAssociationSet: blocks.flatMap(ipv6Set) }],
    },
    ...changes,
  }
}

test.each([
  ['has a block of IPv6', [block]],
  ['has had one', []],
])('what EC2 adds to groups that let everything out is left to them in a default VPC that %s', async (_, blocks) => {
  expect(planUp(await labOf(ofDefaultVpc), inDefaultVpc(blocks), facts)).toMatchObject({
    ...{ changes: [], operations: [], refusals: [] },
  })
})

test('a group that says what it lets out lets out nothing else in a default VPC with IPv6, from its first day', async () => {
  const lab = await labOf(ofDefaultVpc.replace("::/0'] }]", "::/0'] }], egress: [{ ports: 443, to: 0.0.0.0/0 }]"))
  const { operations } = planUp(lab, inDefaultVpc([block], { securityGroups: [] }), facts)
  const everything = { protocol: '-1', fromPort: -1, toPort: -1 }
  expect(find(operations, 'change-rules')[0]?.revokeEgress).toEqual([
    { ...everything, peer: { cidr: '0.0.0.0/0' } },
    { ...everything, peer: { cidr: '::/0' } },
  ])
})

test('a block that is there stays, and so does its number', async () => {
  const other = await labOf(manifest.replace('ipv6: 0', 'ipv6: 7'))
  expect(planUp(other, built, facts).refusals).toEqual([
    expect.stringContaining('subnets.app has the IPv6 block fd12:3456:789a:ff00::/64, which cannot be changed'),
  ])
  const none = await labOf(
    'name: dual\nimages: { base: { recipe: nano } }\nvpc: { cidr: 10.20.0.0/16 }\nsubnets: { app: { cidr: 10.20.1.0/24 } }',
  )
  expect(planUp(none, built, facts).refusals).toEqual([
    expect.stringContaining(`the VPC has the IPv6 block ${block}, which stays`),
    expect.stringContaining('subnets.app has the IPv6 block'),
  ])
})

test('the egress-only gateway goes with the VPC', async () => {
  const { operations } = planDown(await labOf(), built, { images: false })
  expect(find(operations, 'delete-vpc')[0]).toMatchObject({ internetGatewayId: 'igw-1', egressOnlyGatewayId: 'eigw-1' })
})

test.each([
  ['ipv6: true }\nsubnets', 'ipv6: false }\nsubnets', 'subnets.app.ipv6: needs `ipv6: true` of the vpc.'],
  ['ipv6: true }\nsubnets', 'ipv6: false }\nsubnets', 'subnets.public.routes.::/0: needs `ipv6: true` of the vpc.'],
  ['ipv6: 0', 'ipv6: 256', 'subnets.app.ipv6: expected a whole number from 0 to 255.'],
  ['10.20.2.0/24', '10.20.2.0/24, ipv6: 0', 'subnets.old.ipv6: subnets.app has this number already.'],
  ['10.20.2.0/24', '10.20.2.0/24, assignIpv6: true', 'subnets.old.assignIpv6: needs `ipv6` of the subnet.'],
  ['0::0/0: egressOnly', '0.0.0.0/0: egressOnly', 'an egress-only gateway carries IPv6 alone'],
  ['0::0/0: egressOnly', 'everywhere: egressOnly', 'expected a block such as 10.0.0.0/16 or ::/0.'],
  ['0::0/0: egressOnly', '::/0: natGateways.out', 'a NAT gateway does not carry IPv6: egressOnly does.'],
])('instead of %s, %s is refused', async (part, other, message) => {
  const gateways = 'natGateways: { out: { subnet: public } }'
  await expect(labOf(`${manifest.replace(part, other)}${gateways}\n`)).rejects.toThrow(message)
})
