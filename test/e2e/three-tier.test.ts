import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { provideImage } from './images.ts'
import { type Lab, openLab, labUser, until } from './lab.ts'

let lab: Lab
let left: string[] | undefined

const file = join(import.meta.dirname, '../../docs/guides/labs/three-tier.yaml')
const addresses = { app: '10.20.1.10', db: '10.20.2.10' }
/** Says `reached` where a server of the world answers. */
const outside =
  'timeout 10 wget -q -O /dev/null http://deb.debian.org/debian/dists/bookworm/Release && echo reached || echo blocked'

beforeAll(async () => {
  lab = await openLab(labUser)
  await lab.startDaemon()
  await provideImage(lab, 'nano')
  const { exitCode, stderr } = await lab.kiln('up', '-f', file, '--yes', '--wait', 'ssh')
  expect(`${exitCode} ${stderr}`).toMatch(/^0 /)
})
afterAll(async () => {
  left ??= await lab.close()
})

/** Runs a command in a server of the lab. */
async function inside(server: string, command: string): Promise<string> {
  const { stdout } = await lab.kiln('ssh', `tiers-${server}`, '--', command)
  return stdout.trim()
}

/** What a connection from one server to another's port brings: something, or `blocked`. */
async function visit(server: string, host: string, port: number): Promise<string> {
  return await inside(server, `nc -w 3 ${host} ${port} </dev/null 2>/dev/null | head -1 | grep . || echo blocked`)
}

/** Each of these connections brings nothing. All are tried at once: what is dropped is waited for. */
async function expectBlocked(visits: readonly Parameters<typeof visit>[]): Promise<void> {
  const told = await Promise.all(visits.map(async (one) => `${one.join(' ')} ${await visit(...one)}`))
  expect(told).toEqual(visits.map((one) => `${one.join(' ')} blocked`))
}

async function instanceOf(server: string) {
  const { Reservations: reservations } = await lab.call('DescribeInstances', {
    Filters: [
      { Name: 'tag:kiln:lab-resource', Values: [`instances.${server}[0]`] },
      { Name: 'instance-state-name', Values: ['running'] },
    ],
  })
  return reservations?.[0]?.Instances?.[0]
}

/** What the host reads at a public address. */
async function readFromHost(host: string, port: number): Promise<string> {
  return await new Promise((resolve) => {
    const socket = connect({ host, port })
    socket.setTimeout(10_000, () => socket.destroy())
    socket.on('error', () => resolve('refused'))
    socket.once('data', (data) => {
      socket.destroy()
      resolve(String(data).trim())
    })
    socket.on('close', () => resolve('closed'))
  })
}

test('what is asked at the elastic address comes from the database, by web and app', async () => {
  const { Addresses: found } = await lab.call('DescribeAddresses', {})
  const ofWeb = found?.find(({ InstanceId: id }) => id !== undefined)
  const web = await instanceOf('web')
  expect(ofWeb?.InstanceId).toBe(web?.InstanceId)
  expect(web?.PublicIpAddress).toBe(ofWeb?.PublicIp)
  const host = ofWeb?.PublicIp ?? ''
  await until(async () => (await readFromHost(host, 8080)) === 'rows of the database')
})

test('each tier takes connections from the one before it alone', async () => {
  expect(await visit('app', addresses.db, 5432)).toBe('rows of the database')
  expect(await visit('web', addresses.app, 9000)).toBe('rows of the database')
  await expectBlocked([
    ['web', addresses.db, 5432],
    ['bastion', addresses.db, 5432],
    ['bastion', addresses.app, 9000],
    ['db', addresses.app, 9000],
  ])
})

test('log-ins come by the bastion', async () => {
  const hosts = [addresses.app, addresses.db]
  for (const host of hosts) expect(await visit('bastion', host, 22)).toMatch(/^SSH-2/)
  await expectBlocked(hosts.map((host) => ['web', host, 22]))
  const [bastion, web, app] = await Promise.all(['bastion', 'web', 'app'].map(instanceOf))
  expect(bastion?.PublicIpAddress).toBeDefined()
  expect(app?.PublicIpAddress).toBeUndefined()
  const { PublicPorts: ports } = await lab.call('KilnDescribeInstance', { InstanceId: web?.InstanceId ?? '' })
  expect(ports.map(({ Port: port }) => port)).toEqual([8080])
})

test('public servers and those behind the NAT gateway get out, the database does not', async () => {
  const tries = ['web', 'app', 'db'].map(async (server) => `${server} ${await inside(server, outside)}`)
  expect(await Promise.all(tries)).toEqual(['web reached', 'app reached', 'db blocked'])
})

test('without its NAT gateway the app has no way out, and with it again at once', async () => {
  const { NatGateways: [gateway] = [] } = await lab.call('DescribeNatGateways', {
    Filter: [{ Name: 'state', Values: ['available'] }],
  })
  await lab.call('DeleteNatGateway', { NatGatewayId: gateway?.NatGatewayId ?? '' })
  const { RouteTables: tables } = await lab.call('DescribeRouteTables', {
    Filters: [{ Name: 'route.state', Values: ['blackhole'] }],
  })
  expect(tables).toHaveLength(1)
  expect(await inside('app', outside)).toBe('blocked')
  expect(await visit('app', addresses.db, 5432)).toBe('rows of the database')
  const { exitCode, stdout } = await lab.kiln('up', '-f', file, '--yes')
  expect(stdout).toContain('+ natGateways.out')
  expect(exitCode).toBe(0)
  expect(await inside('app', outside)).toBe('reached')
})

test('the lab is as its manifest says, outlives its daemon, and leaves nothing', async () => {
  expect((await lab.kiln('plan', '-f', file)).stdout).toContain('No changes.')
  await lab.killDaemon()
  await lab.startDaemon()
  await until(async () => (await inside('app', outside)) === 'reached')
  expect(await visit('web', addresses.db, 5432)).toBe('blocked')
  const { exitCode, stderr } = await lab.kiln('down', '-f', file, '--yes')
  expect(`${exitCode} ${stderr}`).toMatch(/^0 /)
  expect((await lab.call('DescribeAddresses', {})).Addresses).toEqual([])
  const { Vpcs: vpcs } = await lab.call('DescribeVpcs', { Filters: [{ Name: 'is-default', Values: ['false'] }] })
  expect(vpcs).toEqual([])
  const { RouteTables: tables } = await lab.call('DescribeRouteTables', {})
  expect(tables).toHaveLength(1)
  left = await lab.close()
  expect(left).toEqual([])
})
