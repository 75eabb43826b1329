import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { provideImage } from './images.ts'
import { type Lab, openLab, labUser, until } from './lab.ts'

let lab: Lab
let directory: string
let file: string
let left: string[] | undefined

const manifest = `
name: shop
images: { base: { recipe: nano } }
keyPairs: { deploy: { type: ed25519 } }
dnsZones:
  shop.internal:
    records: [{ name: server, instance: server }]
securityGroups:
  server:
    ingress:
      - { ports: 22, from: 0.0.0.0/0 }
      - { ports: 8080, from: client }
  client:
    ingress:
      - { ports: 22, from: 0.0.0.0/0 }
instances:
  server:
    image: base
    type: t3.nano
    keyPair: deploy
    securityGroups: [server]
    privateIpAddress: 172.31.0.100
    userDataFile: server.sh
  client:
    image: base
    type: t3.nano
    keyPair: deploy
    securityGroups: [client]
    dependsOn: [server]
    tags: { Role: visitor }
outputs:
  server: \${instances.server.privateIpAddress}
`

const userData = `#!/bin/sh
for port in 8080 9090; do
  (while true; do echo "told by $port" | nc -l -p $port; done) >/dev/null 2>&1 &
done
`

beforeAll(async () => {
  lab = await openLab(labUser)
  await lab.startDaemon()
  await provideImage(lab, 'nano')
  directory = await mkdtemp('/tmp/kiln-manifest-')
  await chmod(directory, 0o755)
  file = join(directory, 'shop.yaml')
  await writeFile(join(directory, 'server.sh'), userData)
  await writeFile(file, manifest)
})
afterAll(async () => {
  left ??= await lab.close()
  await rm(directory, { recursive: true, force: true })
})

/** The live instances by their place in the manifest. */
async function instancesByAddress() {
  const { Reservations: reservations } = await lab.call('DescribeInstances', {})
  const all = (reservations ?? []).flatMap(({ Instances: instances }) => instances ?? [])
  const live = all.filter(({ State: state }) => !['terminated', 'shutting-down'].includes(state?.Name ?? ''))
  return new Map(live.map((one) => [one.Tags?.find(({ Key }) => Key === 'kiln:lab-resource')?.Value ?? '', one]))
}

async function idsByAddress(): Promise<Record<string, string | undefined>> {
  const instances = await instancesByAddress()
  return Object.fromEntries([...instances].map(([address, { InstanceId: id }]) => [address, id]))
}

function up(...options: string[]) {
  return lab.kiln('up', '-f', file, '--yes', ...options)
}

/** What a connection from the client to the server's port, by its name in the lab's zone, brings. */
async function visit(port: number): Promise<string> {
  const { stdout } = await lab.kiln(
    'ssh',
    'shop-client',
    '--',
    `nc -w 3 server.shop.internal ${port} </dev/null || echo blocked`,
  )
  return stdout
}

test('makes nothing of a manifest with a mistake, and names its line and column', async () => {
  const wrong = join(directory, 'wrong.yaml')
  await writeFile(wrong, manifest.replace('recipe: nano', 'recipe: nanno').replace('8080', '80-8'))
  const first = await lab.kiln('up', '-f', wrong, '--yes')
  expect(first.exitCode).toBe(2)
  expect(first.stderr).toContain(`${wrong}:12:18: securityGroups.server.ingress[1].ports: expected a port`)
  // What only the daemon knows comes when the rest is right.
  await writeFile(wrong, manifest.replace('recipe: nano', 'recipe: nanno'))
  const second = await lab.kiln('up', '-f', wrong, '--yes')
  expect(second.exitCode).toBe(2)
  expect(second.stderr).toContain(`${wrong}:3:27: images.base.recipe: there is no recipe nanno. Did you mean nano?`)
  expect((await lab.call('DescribeKeyPairs', {})).KeyPairs).toEqual([])
  expect(await idsByAddress()).toEqual({})
})

test('goes on where an interrupted run has stopped', async () => {
  const interrupted = up('--wait', 'ssh')
  await until(async () => (await instancesByAddress()).has('instances.server[0]'))
  interrupted.interrupt()
  const { exitCode, stderr } = await interrupted
  expect(exitCode).toBe(130)
  expect(stderr).toContain('The same command goes on from here.')
  const before = await idsByAddress()
  const { exitCode: laterCode, stdout } = await up('--wait', 'ssh')
  expect(laterCode).toBe(0)
  expect(stdout).toContain('server: 172.31.0.100')
  const after = await idsByAddress()
  expect(Object.keys(after).sort()).toEqual(['instances.client[0]', 'instances.server[0]'])
  expect(after['instances.server[0]']).toBe(before['instances.server[0]'])
})

test('runs user data from a file, behind groups that name each other', async () => {
  await until(async () => (await visit(8080)).includes('told by 8080'))
  expect(await visit(9090)).toContain('blocked')
})

test('hears of other DHCP options when a lease is renewed', async () => {
  const { Vpcs: vpcs } = await lab.call('DescribeVpcs', {})
  const [vpc] = vpcs ?? []
  const VpcId = vpc?.VpcId ?? ''
  const { DhcpOptions: options } = await lab.call('CreateDhcpOptions', {
    DhcpConfigurations: [
      { Key: 'domain-name', Values: ['shop.internal'] },
      { Key: 'domain-name-servers', Values: ['AmazonProvidedDNS', '192.0.2.53'] },
    ],
  })
  const DhcpOptionsId = options?.DhcpOptionsId ?? ''
  const renewed = async () => {
    const renewal = 'sudo kill -USR1 $(pidof udhcpc); sleep 1; cat /etc/resolv.conf'
    const { stdout } = await lab.kiln('ssh', 'shop-client', '--', `${renewal}; nc -w 3 server 8080 </dev/null || true`)
    return stdout
  }
  await lab.call('AssociateDhcpOptions', { DhcpOptionsId, VpcId })
  await until(async () => (await renewed()).includes('nameserver 192.0.2.53'))
  // By its name alone: the domain is searched.
  await until(async () => /^search shop\.internal\n[^]*told by 8080/m.test(await renewed()))
  await lab.call('AssociateDhcpOptions', { DhcpOptionsId: vpc?.DhcpOptionsId ?? '', VpcId })
  await lab.call('DeleteDhcpOptions', { DhcpOptionsId })
  await until(async () => !(await renewed()).includes('192.0.2.53'))
})

test('changes nothing when everything is as it should be', async () => {
  const ids = await idsByAddress()
  const { Events: events } = await lab.call('KilnDescribeEvents', {})
  const { exitCode, stdout } = await up()
  expect(exitCode).toBe(0)
  expect(stdout).toContain('No changes.')
  expect((await lab.kiln('plan', '-f', file, '--detailed-exitcode')).exitCode).toBe(0)
  expect(await idsByAddress()).toEqual(ids)
  expect((await lab.call('KilnDescribeEvents', {})).Events.at(-1)).toEqual(events.at(-1))
})

test('changes rules and tags of running servers', async () => {
  const ids = await idsByAddress()
  await writeFile(file, manifest.replace('8080', '9090').replace('visitor', 'guest'))
  expect((await lab.kiln('plan', '-f', file, '--detailed-exitcode')).exitCode).toBe(6)
  expect((await up()).exitCode).toBe(0)
  expect(await idsByAddress()).toEqual(ids)
  const client = (await instancesByAddress()).get('instances.client[0]')
  expect(client?.Tags).toContainEqual({ Key: 'Role', Value: 'guest' })
  await until(async () => (await visit(9090)).includes('told by 9090'))
  expect(await visit(8080)).toContain('blocked')
})

test('stops a server by its schedule, and lets it be', async () => {
  await writeFile(file, manifest.replace('visitor }', "visitor }\n    schedule: { stop: '* * * * *', timeZone: UTC }"))
  expect((await up()).exitCode).toBe(0)
  const { stdout } = await lab.kiln('ps', '-f', file)
  expect(stdout).toMatch(/instances\.client\[0\] +shop-client .* stop \d{4}-/)
  await until(async () => (await instancesByAddress()).get('instances.client[0]')?.State?.Name === 'stopped')
  expect((await up('--wait', 'ssh')).stdout).toContain('No changes.')
})

test('terminates what the manifest no longer has', async () => {
  const shorter = manifest.replace(/ {2}client:\n {4}image[^]*(?=outputs)/, '')
  await writeFile(file, shorter)
  const { exitCode, stdout } = await up()
  expect(exitCode).toBe(0)
  expect(stdout).toMatch(/- instances\.client\[0\] \(i-[0-9a-f]+\)/)
  expect(Object.keys(await idsByAddress())).toEqual(['instances.server[0]'])
  expect((await lab.call('KilnDescribeSchedules', {})).Schedules).toEqual([])
})

test('leaves nothing but the image when it is taken down', async () => {
  expect((await lab.kiln('down', '-f', file)).exitCode).toBe(2)
  expect((await lab.kiln('down', '-f', file, '--yes')).exitCode).toBe(0)
  expect(await idsByAddress()).toEqual({})
  expect((await lab.call('DescribeKeyPairs', {})).KeyPairs).toEqual([])
  expect((await lab.call('KilnDescribeDnsZones', {})).Zones).toEqual([])
  expect(await readdir(join(lab.home, 'keys'))).toEqual([])
  const { SecurityGroups: groups } = await lab.call('DescribeSecurityGroups', {})
  expect(groups?.map(({ GroupName: name }) => name)).toEqual(['default'])
  expect((await lab.call('DescribeImages', {})).Images?.map(({ Name: name }) => name)).toEqual(['nano'])
  const again = await lab.kiln('down', '-f', file, '--yes')
  expect(again.exitCode).toBe(0)
  expect(again.stderr).toContain('There is nothing of the lab shop')
  left = await lab.close()
  expect(left).toEqual([])
})
