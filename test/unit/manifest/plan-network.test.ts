import { expect, test } from 'vitest'
import type { HostFacts } from '../../../src/manifest/host-facts.ts'
import { type Lab, labTag } from '../../../src/manifest/lab.ts'
import type { Observed } from '../../../src/manifest/observed.ts'
import { noNetwork } from '../../../src/manifest/observed-network.ts'
import { parseManifest } from '../../../src/manifest/parse.ts'
import type { Plan } from '../../../src/manifest/plan/plan.ts'
import { planDown, planUp } from '../../../src/manifest/plan/plan-lab.ts'

const facts: HostFacts = {
  recipes: new Map([['nano', ['x86_64']]]),
  catalog: new Map(),
  instanceTypes: new Map([['t3.micro', ['x86_64']]]),
}

const manifest = `
name: tiers
images: { base: { recipe: nano } }
vpc: { cidr: 10.20.0.0/16 }
subnets:
  public: { cidr: 10.20.0.0/24, mapPublicIpOnLaunch: true, routes: { 0.0.0.0/0: internet } }
  app: { cidr: 10.20.1.0/24, routes: { 0.0.0.0/0: natGateways.out, 10.9.0.0/16: instances.gate } }
natGateways: { out: { subnet: public } }
instances:
  gate: { image: base, subnet: public, sourceDestCheck: false, elasticIp: true }
  app: { image: base, subnet: app }
`

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
    { Key: labTag.lab, Value: 'tiers' },
    { Key: labTag.resource, Value: address },
  ]
}

function instance(key: string, id: string, subnetId: string, isChecked: boolean): Observed['instances'][number] {
  const Tags = [
    ...owned(`instances.${key}[0]`),
    { Key: labTag.image, Value: 'nano' },
    { Key: 'Name', Value: `tiers-${key}` },
  ]
  return {
    address: `instances.${key}[0]`,
    record: {
      ...{ InstanceId: id, SubnetId: subnetId, SourceDestCheck: isChecked, Tags },
      InstanceType: 't3.micro',
      State: { Name: 'running' },
      SecurityGroups: [{ GroupName: 'default' }],
    },
    disableApiTermination: false,
    disableApiStop: false,
  }
}

function table(id: string, key: string, routes: object[]): Observed['network']['routeTables'][number] {
  return {
    RouteTableId: id,
    Tags: owned(`subnets.${key}`),
    Associations: [{ RouteTableAssociationId: `rtbassoc-${key}` }],
    Routes: routes.map((route) => ({ Origin: 'CreateRoute', ...route })),
  }
}

const built: Observed = {
  ...nothing,
  instances: [instance('gate', 'i-1', 'subnet-1', false), instance('app', 'i-2', 'subnet-2', true)],
  network: {
    ...noNetwork,
    vpc: { VpcId: 'vpc-1', CidrBlock: '10.20.0.0/16' },
    internetGateway: { InternetGatewayId: 'igw-1', Attachments: [{ VpcId: 'vpc-1' }] },
    subnets: [
      { SubnetId: 'subnet-1', CidrBlock: '10.20.0.0/24', MapPublicIpOnLaunch: true, Tags: owned('subnets.public') },
      { SubnetId: 'subnet-2', CidrBlock: '10.20.1.0/24', MapPublicIpOnLaunch: false, Tags: owned('subnets.app') },
    ],
    routeTables: [
      table('rtb-1', 'public', [{ DestinationCidrBlock: '0.0.0.0/0', GatewayId: 'igw-1' }]),
      table('rtb-2', 'app', [
        { DestinationCidrBlock: '0.0.0.0/0', NatGatewayId: 'nat-1' },
        { DestinationCidrBlock: '10.9.0.0/16', NetworkInterfaceId: 'eni-1', InstanceId: 'i-1' },
      ]),
    ],
    natGateways: [
      { NatGatewayId: 'nat-1', SubnetId: 'subnet-1', ConnectivityType: 'public', Tags: owned('natGateways.out') },
    ],
    addresses: [
      { AllocationId: 'eipalloc-1', PublicIp: '127.80.0.1', Tags: owned('natGateways.out') },
      { AllocationId: 'eipalloc-2', PublicIp: '127.80.0.2', InstanceId: 'i-1', Tags: owned('instances.gate[0]') },
    ],
  },
}

async function labOf(text = manifest): Promise<Lab> {
  return (await parseManifest({ text, file: 'lab.yaml' })).lab
}

/** Operations with those that they wait for, in an order in which they can be done. */
function stepsOf({ operations }: Plan): string[] {
  const done: string[] = []
  while (done.length < operations.length) {
    const next = operations.find(
      ({ id, after }) => !done.includes(id) && after.every((before) => done.includes(before)),
    )
    if (!next) throw new Error('operations wait for each other in a circle')
    done.push(next.id)
  }
  return done
}

test('a network is made before what lives in it, and routes to an instance after it', async () => {
  const steps = stepsOf(planUp(await labOf(), nothing, facts))
  const comesBefore = (first: string, second: string) =>
    expect(`${first} < ${second}: ${steps.indexOf(first) < steps.indexOf(second)}`).toMatch(/true$/)
  expect(steps[0]).toBe('set up the VPC')
  comesBefore('set up subnets.public', 'create natGateways.out')
  comesBefore('set routes of subnets.public', 'launch instances.gate[0]')
  comesBefore('create natGateways.out', 'set routes of subnets.app')
  comesBefore('launch instances.gate[0]', 'set routes of subnets.app')
  comesBefore('launch instances.gate[0]', 'give instances.gate[0] its elastic address')
  comesBefore('set up subnets.app', 'launch instances.app[0]')
})

test('nothing is done where all is in place', async () => {
  const plan = planUp(await labOf(), built, facts)
  expect(plan.changes).toEqual([])
  expect(plan.operations).toEqual([])
  expect(plan.refusals).toEqual([])
})

test('only what is different is changed, and what cannot be is refused', async () => {
  const changed = manifest
    .replace('10.9.0.0/16: instances.gate', '10.8.0.0/16: instances.gate')
    .replace(', elasticIp: true', '')
  const plan = planUp(await labOf(changed), built, facts)
  expect(stepsOf(plan).toSorted()).toEqual(['release eipalloc-2', 'set routes of subnets.app'])
  expect(plan.changes.map(({ address, action, details }) => [address, action, details])).toEqual([
    [
      'subnets.app',
      'update',
      [
        { name: 'route 10.9.0.0/16', old: 'instances.gate[0]' },
        { name: 'route 10.8.0.0/16', new: 'instances.gate[0]' },
      ],
    ],
    ['instances.gate[0]', 'update', [{ name: 'elasticIp', old: '127.80.0.2' }]],
  ])
  const moved = await labOf(manifest.replace('10.20.1.0/24', '10.20.9.0/24').replaceAll('10.20.0.0/16', '10.20.0.0/15'))
  expect(planUp(moved, built, facts).refusals).toEqual([
    expect.stringContaining('the VPC has the block 10.20.0.0/16'),
    expect.stringContaining('subnets.app has the block 10.20.1.0/24'),
  ])
  const without = await labOf('name: tiers\nimages: { base: { recipe: nano } }\ninstances: { app: { image: base } }')
  expect(planUp(without, built, facts).refusals).toContainEqual(expect.stringContaining('`kiln down` comes first'))
})

test('an instance that moves to another subnet is a new one, and routes to it follow', async () => {
  const moved = await labOf(manifest.replace('gate: { image: base, subnet: public', 'gate: { image: base, subnet: app'))
  const plan = planUp(moved, built, facts)
  expect(plan.changes.find(({ address }) => address === 'instances.gate[0]')).toMatchObject({
    action: 'replace',
    details: [{ name: 'subnet', old: 'public', new: 'app', forcesReplacement: true }],
  })
  const steps = stepsOf(plan)
  expect(steps.slice(-2).toSorted()).toEqual([
    'give instances.gate[0] its elastic address',
    'set routes of subnets.app',
  ])
})

test('all of it goes, the VPC last', async () => {
  const steps = stepsOf(planDown(await labOf(), built, { images: false }))
  expect(steps.at(-1)).toBe('delete the VPC')
  expect(steps.indexOf('delete subnet subnet-1')).toBeGreaterThan(steps.indexOf('delete NAT gateway nat-1'))
  expect(steps.indexOf('release eipalloc-1')).toBeGreaterThan(steps.indexOf('delete NAT gateway nat-1'))
  expect(steps).toHaveLength(8)
})

const peered = manifest
  .replace('10.9.0.0/16: instances.gate', '10.9.0.0/16: instances.gate, 172.31.0.0/16: peerings.home')
  .replace('natGateways:', 'peerings: { home: { peer: default } }\nnatGateways:')

const defaultVpc = { VpcId: 'vpc-0', IsDefault: true, CidrBlock: '172.31.0.0/16' }

/** What there is after `up` of the manifest above: the default VPC has two route tables. */
function withPeering(backs: readonly string[]): Observed {
  const [publicTable, appTable] = built.network.routeTables
  const over = { VpcPeeringConnectionId: 'pcx-1', State: 'active', Origin: 'CreateRoute' } as const
  return {
    ...built,
    network: {
      ...built.network,
      otherVpcs: [defaultVpc],
      routeTables: [
        publicTable ?? {},
        { ...appTable, Routes: [...(appTable?.Routes ?? []), { DestinationCidrBlock: '172.31.0.0/16', ...over }] },
      ],
      peerings: [
        {
          ...{ VpcPeeringConnectionId: 'pcx-1', Tags: owned('peerings.home'), Status: { Code: 'active' } },
          AccepterVpcInfo: { VpcId: 'vpc-0' },
        },
      ],
      peerTables: ['rtb-8', 'rtb-9'].map((id) => ({
        ...{ RouteTableId: id, VpcId: 'vpc-0' },
        Routes: backs.includes(id) ? [{ DestinationCidrBlock: '10.20.0.0/16', ...over }] : [],
      })),
    },
  }
}

test('a peering connection is made between the VPC and the routes that lead over it', async () => {
  const there = { ...nothing, network: { ...noNetwork, otherVpcs: [defaultVpc] } }
  const plan = planUp(await labOf(peered), there, facts)
  const steps = stepsOf(plan)
  expect(steps.indexOf('set up peerings.home')).toBeGreaterThan(steps.indexOf('set up the VPC'))
  expect(steps.indexOf('set routes of subnets.app')).toBeGreaterThan(steps.indexOf('set up peerings.home'))
  expect(plan.changes.find(({ address }) => address === 'peerings.home')).toEqual({
    address: 'peerings.home',
    action: 'create',
    details: [{ name: 'peer', new: 'default' }],
  })
  expect(planUp(await labOf(peered), nothing, facts).refusals).toEqual([
    'peerings.home: this region has no VPC default of the account.',
  ])
})

test('a peering connection that is there is left alone, and lacking routes of its other side are made', async () => {
  const lab = await labOf(peered)
  expect(planUp(lab, withPeering(['rtb-8', 'rtb-9']), facts)).toMatchObject({ changes: [], operations: [] })
  const plan = planUp(lab, withPeering(['rtb-8']), facts)
  expect(stepsOf(plan)).toEqual(['set up peerings.home'])
  expect(plan.changes).toEqual([
    {
      address: 'peerings.home',
      action: 'update',
      details: [{ name: 'route 10.20.0.0/16 of rtb-9', new: 'peerings.home' }],
    },
  ])
  const oneWay = await labOf(peered.replace('peer: default', 'peer: default, routesBack: false'))
  expect(planUp(oneWay, withPeering([]), facts).operations).toEqual([])
})

test('a peering connection goes after the routes that lead over it, and before its VPC', async () => {
  const there = withPeering(['rtb-8', 'rtb-9'])
  expect(stepsOf(planUp(await labOf(), there, facts))).toEqual([
    'set routes of subnets.app',
    'delete peering connection pcx-1',
  ])
  const steps = stepsOf(planDown(await labOf(peered), there, { images: false }))
  expect(steps).toContain('delete peering connection pcx-1')
  expect(steps.at(-1)).toBe('delete the VPC')
})

test('routes that another lab has laid to this one are nobody’s but its', async () => {
  const there = withPeering(['rtb-8', 'rtb-9'])
  const foreign = { ...there, network: { ...there.network, peerings: [] } }
  expect(planUp(await labOf(), foreign, facts).operations).toEqual([])
})
