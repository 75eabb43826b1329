import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Lab, openLab, ordinaryUser } from './lab.ts'

// Labs of networks alone: what peering connections carry is tried in test/integration/network/.
let lab: Lab
let directory: string

const shop = `
name: shop
vpc: { cidr: 10.20.0.0/16 }
subnets: { app: { cidr: 10.20.0.0/24, routes: { 172.31.0.0/16: peerings.home } } }
peerings: { home: { peer: default } }
`
const office = `
name: office
vpc: { cidr: 10.30.0.0/16 }
subnets: { desk: { cidr: 10.30.0.0/24, routes: { 10.20.0.0/16: peerings.shop } } }
peerings: { shop: { peer: labs.shop } }
`

beforeAll(async () => {
  lab = await openLab(process.getuid?.() === 0 ? ordinaryUser : undefined)
  await lab.startDaemon()
  directory = join(lab.home, 'manifests')
  await mkdir(directory, { mode: 0o755 })
  for (const [name, text] of Object.entries({ shop, office })) await writeFile(join(directory, `${name}.yaml`), text)
})
afterAll(async () => {
  await lab.close()
})

async function run(...words: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await lab.kiln(...words)
  return `${exitCode}: ${stdout}${stderr}`
}

const up = async (name: string) => await run('up', '-f', join(directory, `${name}.yaml`), '--yes')
const down = async (name: string) => await run('down', '-f', join(directory, `${name}.yaml`), '--yes')

/** Every route over a connection: the name of its VPC's lab, its destination and its state. */
async function routesOverPeerings(): Promise<string[]> {
  const { Vpcs = [] } = await lab.call('DescribeVpcs', {})
  const labOf = (id: string | undefined) =>
    Vpcs.find(({ VpcId }) => VpcId === id)?.Tags?.find(({ Key }) => Key === 'kiln:lab')?.Value ?? 'default'
  const { RouteTables = [] } = await lab.call('DescribeRouteTables', {})
  return RouteTables.flatMap(({ VpcId, Routes = [] }) =>
    Routes.filter(({ VpcPeeringConnectionId: id }) => id !== undefined).map(
      ({ DestinationCidrBlock, State }) => `${labOf(VpcId)} to ${DestinationCidrBlock}: ${State}`,
    ),
  ).toSorted()
}

async function statusOfPeerings(): Promise<string[]> {
  const { VpcPeeringConnections = [] } = await lab.call('DescribeVpcPeeringConnections', {})
  return VpcPeeringConnections.map(({ Status }) => Status?.Code ?? '').toSorted()
}

test('a lab is peered with the default VPC, and another lab with it, each with its routes both ways', async () => {
  expect(await up('shop')).toMatch(/^0: /)
  expect(await up('office')).toMatch(/^0: /)
  expect(await statusOfPeerings()).toEqual(['active', 'active'])
  const routes = await routesOverPeerings()
  // A VPC has a main route table besides those of its subnets.
  expect(new Set(routes)).toEqual(
    new Set([
      'default to 10.20.0.0/16: active',
      'shop to 172.31.0.0/16: active',
      'shop to 10.30.0.0/16: active',
      'office to 10.20.0.0/16: active',
    ]),
  )
  expect(routes.filter((route) => route.startsWith('shop to 10.30'))).toHaveLength(2)
})

test('again is harmless, and what was taken away is made again', async () => {
  const before = await routesOverPeerings()
  for (const name of ['shop', 'office']) {
    expect(await run('plan', '-f', join(directory, `${name}.yaml`), '--detailed-exitcode')).toMatch(/^0: /)
  }
  const { RouteTables = [] } = await lab.call('DescribeRouteTables', {})
  const table = RouteTables.find(({ Routes = [] }) =>
    Routes.some(
      ({ DestinationCidrBlock, VpcPeeringConnectionId: id }) => DestinationCidrBlock === '10.20.0.0/16' && id,
    ),
  )
  await lab.call('DeleteRoute', { RouteTableId: table?.RouteTableId, DestinationCidrBlock: '10.20.0.0/16' })
  for (const name of ['shop', 'office']) expect(await up(name)).toMatch(/^0: /)
  expect(await routesOverPeerings()).toEqual(before)
})

test('nothing of a lab that goes is left with the others', async () => {
  expect(await down('office')).toMatch(/^0: /)
  expect(new Set(await routesOverPeerings())).toEqual(
    new Set(['default to 10.20.0.0/16: active', 'shop to 172.31.0.0/16: active']),
  )
  expect(await up('office')).toMatch(/^0: /)
  expect((await statusOfPeerings()).filter((code) => code === 'active')).toHaveLength(2)
  for (const name of ['office', 'shop']) expect(await down(name)).toMatch(/^0: /)
  expect(await routesOverPeerings()).toEqual([])
  expect((await statusOfPeerings()).filter((code) => code === 'active')).toEqual([])
})

test('a peer that is not there, and one whose block overlaps, are told of', async () => {
  expect(await up('office')).toMatch(/^[1-9].*peerings\.shop: this region has no VPC labs\.shop of the account/s)
  const overlapping = shop.replace('172.31.0.0/16:', '10.0.0.0/8:').replaceAll('10.20.', '172.31.')
  await writeFile(join(directory, 'shop.yaml'), overlapping)
  expect(await up('shop')).toMatch(/^1: .*failed: /s)
  expect(await down('shop')).toMatch(/^0: /)
})
