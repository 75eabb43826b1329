import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createManifestFiles } from '../../../src/manifest/manifest-files.ts'
import { parseManifest } from '../../../src/manifest/parse.ts'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kiln-manifest-'))
  await writeFile(join(directory, 'boot.sh'), '#!/bin/sh\n')
  await writeFile(join(directory, 'long.sh'), `#!/bin/sh\n${'#'.repeat(16_384)}`)
  await writeFile(join(directory, 'broken.yaml'), '#cloud-config\nusers: [a\n')
  await writeFile(join(directory, 'private.pem'), '-----BEGIN OPENSSH PRIVATE KEY-----\n')
})
afterAll(async () => {
  await rm(directory, { recursive: true, force: true })
})

async function parse(text: string) {
  return await parseManifest({ text, file: 'lab.yaml', files: createManifestFiles(directory) })
}

/** The lines of the error. */
async function problemsOf(text: string): Promise<string[]> {
  const error: unknown = await parse(text).then(
    () => new Error('it has no mistakes'),
    (reason: unknown) => reason,
  )
  return (error as Error).message.split('\n')
}

const base = 'name: shop\nimages: { base: { recipe: nano } }\n'

test('fills in what a manifest leaves out', async () => {
  const { lab } = await parse(`${base}instances: { web: { image: base } }\nsecurityGroups: { web: {} }`)
  expect(lab.instances.get('web')).toEqual({
    key: 'web',
    count: 1,
    image: 'base',
    securityGroups: [],
    tags: {},
    disableApiTermination: false,
    disableApiStop: false,
    elasticIp: false,
    bridges: [],
    sourceDestCheck: true,
    dependsOn: new Map(),
  })
  expect(lab.securityGroups.get('web')).toEqual({
    key: 'web',
    name: 'shop-web',
    ingress: [],
  })
})

test('spells a network out, and refuses parts of one that do not fit', async () => {
  const subnets = `subnets: { a: { cidr: 10.0.1.9/24, routes: { 0.0.0.0/0: natGateways.out, 10.9.0.0/16: instances.gate } } }`
  const rest = `natGateways: { out: { subnet: a } }\ninstances: { gate: { image: base, subnet: a, sourceDestCheck: false } }`
  const { lab } = await parse(`${base}vpc: { cidr: 10.0.0.0/16 }\n${subnets}\n${rest}`)
  expect(lab.network?.hasInternet).toBe(true)
  expect(lab.network?.subnets.get('a')).toEqual({
    key: 'a',
    name: 'shop-a',
    cidr: '10.0.1.0/24',
    assignIpv6: false,
    mapPublicIpOnLaunch: false,
    routes: new Map([
      ['0.0.0.0/0', 'natGateways.out'],
      ['10.9.0.0/16', 'instances.gate[0]'],
    ]),
  })
  await expect(parse(`${base}${subnets}\n${rest}`)).rejects.toThrow('natGateways: needs a vpc of the lab')
  await expect(
    parse(`${base}vpc: { cidr: 10.0.0.0/16 }\n${subnets.replace('.out', '.outt')}\n${rest}`),
  ).rejects.toThrow('a route cannot lead to natGateways.outt. Did you mean natGateways.out?')
  await expect(
    parse(`${base}vpc: { cidr: 10.0.0.0/16 }\n${subnets}\n${rest.replace(', subnet: a,', ',')}`),
  ).rejects.toThrow('instances.gate: needs a subnet: the lab has a VPC of its own.')
})

test('spells rules out, one for each range and peer', async () => {
  const { lab } = await parse(
    `${base}securityGroups:\n  db: {}\n  web: { ingress: [{ ports: [80, 8000-8010], from: [10.1.2.3/8, db] }], egress: [] }`,
  )
  expect(lab.securityGroups.get('web')).toMatchObject({
    ingress: [
      { protocol: 'tcp', fromPort: 80, toPort: 80, peer: { cidr: '10.0.0.0/8' } },
      { protocol: 'tcp', fromPort: 80, toPort: 80, peer: { group: 'db' } },
      { protocol: 'tcp', fromPort: 8000, toPort: 8010, peer: { cidr: '10.0.0.0/8' } },
      { protocol: 'tcp', fromPort: 8000, toPort: 8010, peer: { group: 'db' } },
    ],
    egress: [],
  })
})

test('reads user data from a file beside the manifest', async () => {
  const { lab } = await parse(`${base}instances: { web: { image: base, userDataFile: ./boot.sh } }`)
  expect(Buffer.from(lab.instances.get('web')?.userData ?? '', 'base64').toString()).toBe('#!/bin/sh\n')
})

test('lets security groups name each other in a circle', async () => {
  const rule = (peer: string) => `{ ingress: [{ ports: 80, from: ${peer} }] }`
  await expect(parse(`${base}securityGroups: { a: ${rule('b')}, b: ${rule('a')} }`)).resolves.toBeDefined()
})

test('tells every mistake at once, in the order of the text', async () => {
  expect(
    await problemsOf(`name: Shop
regoin: us-east-1
images:
  base: { recipe: nano, catalog: x }
securityGroups:
  web:
    ingress:
      - { ports: 99999, from: webb }
instances:
  web:
    image: bsae
    conut: 2
    userDataFile: ./missing.sh
  db:
    type: 7
`),
  ).toEqual([
    'lab.yaml:1:7: name: expected a lower-case letter, then at most 39 of a-z, 0-9 and -.',
    'lab.yaml:2:1: regoin: unknown key. Did you mean region?',
    'lab.yaml:4:3: images.base: expected exactly one of recipe, catalog, import, pipeline, existing.',
    'lab.yaml:8:18: securityGroups.web.ingress[0].ports: expected a port, a range such as 8000-8010, or a list of them.',
    'lab.yaml:8:31: securityGroups.web.ingress[0].from: the manifest has no security group webb. Did you mean web?',
    'lab.yaml:11:12: instances.web.image: the manifest has no image bsae. Did you mean base?',
    'lab.yaml:12:5: instances.web.conut: unknown key. Did you mean count?',
    'lab.yaml:13:19: instances.web.userDataFile: there is no file ./missing.sh.',
    'lab.yaml:14:3: instances.db.image: is missing.',
    'lab.yaml:15:11: instances.db.type: expected string, received number',
  ])
})

test('names the circle in which instances depend on each other', async () => {
  const text = `${base}instances:
  a: { image: base, dependsOn: [b] }
  b: { image: base, dependsOn: { c: ssh } }
  c: { image: base, dependsOn: [a] }
`
  expect(await problemsOf(text)).toEqual(['lab.yaml:4:21: instances.a.dependsOn: goes in a circle: a → b → c → a.'])
})

test.each([
  ['a key that is there twice', 'name: a\nname: b', '2:1: Map keys must be unique'],
  ['text that is no YAML', 'name: [a', '1:9: Flow sequence'],
  ['an unknown tag', 'name: !secret a', '1:7: Unresolved tag: !secret'],
  ['a second document', 'name: a\n---\nname: b', '2:1: Source contains multiple documents'],
  ['an empty file', '', '1:1: name: is missing.'],
  ['a list', '- a', '1:1: expected object, received array'],
  ['a key that JavaScript gives a meaning', 'name: a\ninstances:\n  __proto__: { image: x }', '3:3: __proto__ is not'],
  ['brackets in brackets', `name: ${'['.repeat(10_000)}${']'.repeat(10_000)}`, '1:1: it is nested too deeply.'],
  ['a file that is too long', '#'.repeat(300_000), '1:1: a manifest has at most 262144 bytes'],
  [
    'aliases that multiply',
    `a: &a [x]\n${'b: [*a]\n'.replace('[*a]', `[${'*a,'.repeat(200)}]`)}`,
    'Excessive alias count',
  ],
  ['a path as the name of the lab', 'name: ../../etc', '1:7: name: expected a lower-case letter'],
  [
    'shell metacharacters in a name',
    'name: a\nkeyPairs: { "k;reboot": { type: rsa } }',
    '2:13: keyPairs.k;reboot: expected',
  ],
  ['control characters in a name', 'name: "a\\e[31m"', '1:7: name: expected'],
  ['a name that EC2 keeps for ids', 'name: sg', '1:7: name: names of security groups may not begin with sg-'],
])('refuses %s', async (_what, text, expected) => {
  expect((await problemsOf(text)).join('\n')).toContain(expected)
})

test.each([
  ['tags that AWS reserves', 'tags: { "aws:x": y }', 'reserved'],
  ['numbers as tags', 'tags: { a: 1 }', 'put numbers and the like in quotes'],
  ['control characters in tags', 'tags: { a: "x\\u0007" }', 'control characters'],
  ['cron of six fields', "schedule: { start: '0 0 8 * * 1' }", 'expected five fields'],
  ['minutes that do not exist', "schedule: { start: '61 8 * * *' }", 'expected five fields'],
  ['unknown time zones', "schedule: { stop: '0 8 * * *', timeZone: Mars/Base }", 'expected an IANA name'],
  ['an empty schedule', 'schedule: {}', 'expected start, stop or both'],
  ['none at all', 'count: 0', 'expected a whole number from 1 to 100'],
  ['user data over 16 KB', 'userDataFile: long.sh', 'user data may have 16384 bytes; long.sh has 16394'],
  ['user data twice', 'userDataFile: boot.sh, userData: x', 'exclude each other'],
  ['cloud-config that is no YAML', 'userDataFile: broken.yaml', 'the #cloud-config is not YAML'],
  ['a directory as user data', 'userDataFile: .', '. is not a regular file'],
  ['one address for two', 'count: 2, privateIpAddress: 172.31.0.9', 'one address cannot be given to several'],
  ['no name of a bridge', 'bridges: [a/b]', 'expected the name of a bridge of the host'],
  ['a bridge twice', 'bridges: [br0, br0]', 'an instance can be on a bridge once'],
  ['IPv6 addresses for two', 'count: 2, subnet: a, ipv6: ["::10"]', 'addresses cannot be given to several'],
  ['IPv6 addresses of no subnet', 'ipv6: ["::10"]', 'name it by subnet'],
  ['what is no IPv6 address', 'ipv6: [10.0.0.1]', 'expected an IPv6 address, or the end of one'],
  ['unknown dependencies', 'dependsOn: [dbb]', 'no instance dbb. Did you mean db?'],
  ['unknown goals', 'dependsOn: { db: booted }', 'running, ssh or cloud-init'],
  ['an unknown group', 'securityGroups: [x]', 'no security group x. There are none.'],
])('refuses an instance with %s', async (_what, members, expected) => {
  const problems = await problemsOf(`${base}instances: { web: { image: base, ${members} }, db: { image: base } }`)
  expect(problems.join('\n')).toContain(expected)
})

test.each([
  ['10.0.0.1', 'an address needs its length: 10.0.0.1/32'],
  ['10.0.0.0/33', 'is no CIDR block'],
  ['fe80::/200', 'is no CIDR block'],
])('refuses %s as a peer', async (peer, expected) => {
  const problems = await problemsOf(`${base}securityGroups: { a: { ingress: [{ ports: 1, from: "${peer}" }] } }`)
  expect(problems.join('\n')).toContain(expected)
})

test('refuses a private key where the public one belongs', async () => {
  const problems = await problemsOf(`${base}keyPairs: { k: { publicKeyFile: private.pem } }`)
  expect(problems).toEqual([
    'lab.yaml:3:33: keyPairs.k.publicKeyFile: private.pem is a private key; name its public half, often private.pem.pub.',
  ])
})

test.each([
  ['peerings: { a: { peer: default } }', 'needs a vpc of the lab'],
  ['vpc: { cidr: 10.0.0.0/16 }\npeerings: { a: { peer: other } }', 'expected default, labs.NAME or the id of a VPC'],
  [
    'vpc: { cidr: 10.0.0.0/16 }\nsubnets: { s: { cidr: 10.0.0.0/24, routes: { 10.1.0.0/16: peerings.b } } }\npeerings: { a: { peer: labs.b } }',
    'a route cannot lead to peerings.b. Did you mean peerings.a?',
  ],
])('refuses %j', async (text, expected) => {
  expect((await problemsOf(`name: a\n${text}`)).join()).toContain(expected)
})

test('refuses one AMI name for two images', async () => {
  const images = 'images: { a: { recipe: nano }, b: { recipe: debian-12, name: nano } }'
  expect((await problemsOf(`name: a\n${images}`)).join()).toContain('makes the AMI nano, which images.a makes')
})

test.each([
  ['${instances.web.publicIpAddress}', undefined],
  ['${instances.web[2].publicIpAddress}', 'numbered from 0; there is no [2]'],
  ['${instances.wbe[0].publicIpAddress}', 'Did you mean web?'],
  ['${instances.web[0].publicIp}', 'instances have no publicIp'],
  ['${machines.web.instanceId}', 'there is no section machines'],
  ['${instances.web', 'has no }'],
])('checks the output %s', async (template, expected) => {
  const text = `${base}instances: { web: { image: base, count: 2 } }\noutputs: { u: '${template}' }`
  if (expected === undefined) await expect(parse(text)).resolves.toBeDefined()
  else expect((await problemsOf(text)).join()).toContain(expected)
})

test.each([
  ['{ name: web, instance: wbe }', 'Did you mean web?'],
  ['{ name: web, values: [10.0.0.300] }', 'expected an IPv4 address'],
  ['{ name: web.example.com., values: [10.0.0.3] }', 'no name in the zone lab.internal'],
  ['{ name: web }', 'either values or an instance'],
  ['{ name: web, type: TXT, instance: web }', 'a record of instances is of type A or AAAA'],
  ['{ name: a, values: [10.0.0.3] }, { name: A.lab.internal, values: [10.0.0.4] }', 'has a record of type A already'],
  ['{ name: a, type: MX, values: [x] }', 'expected one of'],
])('refuses the DNS records %s', async (records, expected) => {
  const zones = `dnsZones: { lab.internal: { records: [${records}] } }`
  expect((await problemsOf(`${base}instances: { web: { image: base } }\n${zones}`)).join()).toContain(expected)
})

test('refuses a DNS zone that is no domain', async () => {
  expect((await problemsOf(`${base}dnsZones: { Lab.Internal: { records: [] } }`)).join()).toContain('expected a domain')
})
