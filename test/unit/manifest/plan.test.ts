import { describe, expect, test } from 'vitest'
import type { FaultDescription } from '../../../src/api/kiln/fault.ts'
import type { HostFacts } from '../../../src/manifest/host-facts.ts'
import { checkAgainstHost } from '../../../src/manifest/host-check.ts'
import { type Lab, labTag } from '../../../src/manifest/lab.ts'
import type { Observed, ObservedInstance } from '../../../src/manifest/observed.ts'
import { noNetwork } from '../../../src/manifest/observed-network.ts'
import { parseManifest } from '../../../src/manifest/parse.ts'
import type { Operation, Plan } from '../../../src/manifest/plan/plan.ts'
import { planDown, planUp } from '../../../src/manifest/plan/plan-lab.ts'

const facts: HostFacts = {
  recipes: new Map([['nano', ['x86_64', 'i386', 'arm64']]]),
  catalog: new Map([['debian-12-arm64', 'arm64']]),
  instanceTypes: new Map([
    ['t3.micro', ['x86_64']],
    ['t3.small', ['x86_64']],
    ['t4g.micro', ['arm64']],
  ]),
}

const nothing: Observed = {
  images: [],
  keyPairs: [],
  securityGroups: [],
  instances: [],
  network: noNetwork,
  schedules: [],
  faults: [],
  zones: [],
  pipelines: [],
  warmImages: [],
}

const manifest = `
name: shop
images: { base: { recipe: nano } }
keyPairs: { deploy: { type: ed25519 } }
securityGroups:
  web: { ingress: [{ ports: 80, from: 0.0.0.0/0 }, { ports: 9, from: db }] }
  db: { ingress: [{ ports: 5432, from: web }] }
instances:
  web:
    image: base
    count: 2
    keyPair: deploy
    securityGroups: [web]
    userData: one
    tags: { Role: front }
    dependsOn: [db]
    schedule: { stop: '0 18 * * *' }
  db: { image: base, securityGroups: [db] }
`

async function labOf(text = manifest): Promise<Lab> {
  return (await parseManifest({ text, file: 'lab.yaml' })).lab
}

/** What the daemon has after `up` of the manifest above. */
const built: Observed = {
  network: noNetwork,
  images: [{ ImageId: 'ami-1', Name: 'nano', Architecture: 'x86_64', CreationDate: '2026-01-01' }],
  keyPairs: [{ KeyName: 'shop-deploy', KeyPairId: 'key-1', KeyType: 'ed25519', Tags: owned('keyPairs.deploy') }],
  securityGroups: [
    { GroupId: 'sg-0', GroupName: 'default' },
    group('sg-1', 'web', [
      { IpProtocol: 'tcp', FromPort: 80, ToPort: 80, IpRanges: [{ CidrIp: '0.0.0.0/0' }] },
      { IpProtocol: 'tcp', FromPort: 9, ToPort: 9, UserIdGroupPairs: [{ GroupId: 'sg-2' }] },
    ]),
    group('sg-2', 'db', [{ IpProtocol: 'tcp', FromPort: 5432, ToPort: 5432, UserIdGroupPairs: [{ GroupId: 'sg-1' }] }]),
  ],
  instances: [instance('web', 0), instance('web', 1), instance('db', 0)],
  pipelines: [],
  warmImages: [],
  zones: [],
  faults: [],
  schedules: [0, 1].map((index) => ({
    Name: `shop/instances.web[${index}]/stop`,
    InstanceIds: [`i-web${index}`],
    Action: 'stop',
    Cron: '0 18 * * *',
  })),
}

function owned(address: string) {
  return [
    { Key: labTag.lab, Value: 'shop' },
    { Key: labTag.resource, Value: address },
  ]
}

function group(id: string, key: string, rules: Observed['securityGroups'][number]['IpPermissions'] = []) {
  return {
    GroupId: id,
    GroupName: `shop-${key}`,
    Tags: owned(`securityGroups.${key}`),
    IpPermissions: rules ?? [],
    IpPermissionsEgress: [{ IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
  }
}

function instance(
  key: 'web' | 'db',
  index: number,
  changes: Partial<ObservedInstance['record']> = {},
): ObservedInstance {
  const address = `instances.${key}[${index}]`
  const isWeb = key === 'web'
  return {
    address,
    disk: 1,
    disableApiTermination: false,
    disableApiStop: false,
    ...(isWeb ? { userData: Buffer.from('one').toString('base64') } : {}),
    record: {
      InstanceId: `i-${key}${index}`,
      State: { Code: 16, Name: 'running' },
      InstanceType: 't3.micro',
      ...(isWeb ? { KeyName: 'shop-deploy' } : {}),
      SecurityGroups: [{ GroupName: `shop-${key}` }],
      Tags: [
        { Key: 'Name', Value: isWeb ? `shop-web-${index}` : 'shop-db' },
        ...(isWeb ? [{ Key: 'Role', Value: 'front' }] : []),
        ...owned(address),
        { Key: labTag.image, Value: 'nano' },
      ],
      ...changes,
    },
  }
}

function withInstances(...instances: ObservedInstance[]): Observed {
  return { ...built, instances }
}

function lines({ changes }: Plan): string[] {
  return changes.flatMap(({ action, address, details }) => [
    `${action} ${address}`,
    ...details.map(({ name, old = '', new: wanted = '', forcesReplacement: isFatal }) =>
      `  ${name}: ${old} → ${wanted}${isFatal ? ' !' : ''}`.replaceAll('  →', ' →').trimEnd(),
    ),
  ])
}

/** Whether one operation comes before the other, on whatever way. */
function precedes({ operations }: Plan, earlier: string, later: string): boolean {
  const byId = new Map<string, Operation>(operations.map((operation) => [operation.id, operation]))
  const before = (id: string): boolean =>
    (byId.get(id)?.after ?? []).some((other) => other === earlier || before(other))
  if (!byId.has(earlier) || !byId.has(later)) throw new Error(`${earlier} or ${later} is not planned`)
  return before(later)
}

test('has nothing to do when everything is there', async () => {
  const plan = planUp(await labOf(), built, facts)
  expect(plan.changes).toEqual([])
  expect(plan.operations).toEqual([])
})

test('waits for nothing but what is asked when everything is there', async () => {
  const plan = planUp(await labOf(), built, facts, 'ssh')
  expect(plan.operations.map(({ id }) => id)).toEqual([
    'wait until instances.web[0] has reached ssh',
    'wait until instances.web[1] has reached ssh',
    'wait until instances.db[0] has reached ssh',
  ])
})

test('makes everything in the order of its dependencies', async () => {
  const plan = planUp(await labOf(), nothing, facts)
  expect(lines(plan).filter((line) => !line.startsWith(' '))).toEqual([
    'create images.base',
    'create keyPairs.deploy',
    'create securityGroups.web',
    'create securityGroups.db',
    'create instances.web[0]',
    'create instances.web[1]',
    'create instances.db[0]',
  ])
  for (const earlier of [
    'make image nano',
    'create key pair shop-deploy',
    'create security group shop-web',
    'set rules of shop-web',
    'launch instances.db[0]',
    'wait until instances.db[0] has reached running',
  ]) {
    expect(precedes(plan, earlier, 'launch instances.web[1]'), earlier).toBe(true)
  }
  expect(precedes(plan, 'launch instances.web[0]', 'launch instances.web[1]')).toBe(false)
})

test('makes groups that name each other before their rules', async () => {
  const plan = planUp(await labOf(), nothing, facts)
  for (const rules of ['set rules of shop-web', 'set rules of shop-db']) {
    expect(precedes(plan, 'create security group shop-web', rules)).toBe(true)
    expect(precedes(plan, 'create security group shop-db', rules)).toBe(true)
  }
})

test('changes rules, tags and schedules in place', async () => {
  const text = manifest.replace('5432', '5433').replace('Role: front', 'Tier: one').replace('0 18', '0 19')
  const plan = planUp(
    await labOf(text),
    withInstances(instance('web', 0), instance('web', 1), instance('db', 0)),
    facts,
  )
  expect(lines(plan)).toEqual([
    'update securityGroups.db',
    '  ingress: tcp 5432 from web →',
    '  ingress: → tcp 5433 from web',
    'update instances.web[0]',
    '  tags.Tier: → one',
    '  tags.Role: front →',
    '  schedule.stop: 0 18 * * * → 0 19 * * *',
    'update instances.web[1]',
    '  tags.Tier: → one',
    '  tags.Role: front →',
    '  schedule.stop: 0 18 * * * → 0 19 * * *',
  ])
})

test('stops and starts an instance for another type', async () => {
  const plan = planUp(
    await labOf(manifest.replace('{ image: base, sec', '{ image: base, type: t3.small, sec')),
    built,
    facts,
  )
  expect(lines(plan)).toEqual(['update instances.db[0]', '  type: t3.micro → t3.small'])
  expect(plan.changes[0]?.details[0]?.note).toBe('stops and starts the instance')
})

test('replaces what cannot be changed, and ends the old one before it launches the new one', async () => {
  const plan = planUp(await labOf(manifest.replace('userData: one', 'userData: two')), built, facts)
  expect(lines(plan)[0]).toBe('replace instances.web[0]')
  expect(lines(plan)[1]).toMatch(/userData: 3 bytes, sha256 \S+ → 3 bytes, sha256 \S+ !$/)
  expect(precedes(plan, 'terminate instances.web[0] (i-web0)', 'launch instances.web[0]')).toBe(true)
  expect(precedes(plan, 'launch instances.web[0]', 'set schedule shop/instances.web[0]/stop')).toBe(true)
})

test('puts a new instance on a bridge of the host, and leaves one alone that is on it', async () => {
  const bridged = await labOf(manifest.replace('{ image: base, sec', '{ image: base, bridges: [br0, br1], sec'))
  const plan = planUp(bridged, built, facts)
  expect(lines(plan)).toEqual(['replace instances.db[0]', '  bridges: → br0,br1 !'])
  const launch = plan.operations.find(({ kind }) => kind === 'launch-instance')
  expect(launch?.kind === 'launch-instance' && launch.launch.tags['kiln:bridge']).toBe('br0,br1')
  const there = instance('db', 0)
  const Tags = [...(there.record.Tags ?? []), { Key: 'kiln:bridge', Value: 'br0,br1' }]
  const observed = withInstances(instance('web', 0), instance('web', 1), {
    ...there,
    record: { ...there.record, Tags },
  })
  expect(planUp(bridged, observed, facts).changes).toEqual([])
  expect(lines(planUp(await labOf(), observed, facts))).toEqual(['replace instances.db[0]', '  bridges: br0,br1 →  !'])
})

test('replaces the instances of a key pair that is replaced', async () => {
  const plan = planUp(await labOf(manifest.replace('ed25519', 'rsa')), built, facts)
  expect(lines(plan)).toEqual([
    'replace keyPairs.deploy',
    '  type: ed25519 → rsa !',
    'replace instances.web[0]',
    '  keyPair: → shop-deploy, made anew !',
    'replace instances.web[1]',
    '  keyPair: → shop-deploy, made anew !',
  ])
})

test('keeps instances when an image of the same name was made again', async () => {
  const again = { ...built, images: [{ ImageId: 'ami-2', Name: 'nano', CreationDate: '2026-02-02' }] }
  expect(planUp(await labOf(), again, facts).changes).toEqual([])
})

test('removes the highest numbers first, with their schedules', async () => {
  const plan = planUp(await labOf(manifest.replace('count: 2', 'count: 1')), built, facts)
  expect(lines(plan)).toEqual([
    'update instances.web[0]',
    '  tags.Name: shop-web-0 → shop-web',
    'delete instances.web[1]',
    '  name: shop-web-1 →',
  ])
  expect(plan.operations.map(({ id }) => id)).toContain('delete schedule shop/instances.web[1]/stop')
})

test('leaves stopped instances as they are', async () => {
  const stopped = { State: { Code: 80, Name: 'stopped' } } as const
  const observed = withInstances(instance('web', 0, stopped), instance('web', 1), instance('db', 0))
  const plan = planUp(await labOf(), observed, facts, 'ssh')
  expect(plan.changes).toEqual([])
  expect(plan.operations.map(({ id }) => id)).not.toContain('wait until instances.web[0] has reached ssh')
})

test('launches again what was terminated by somebody', async () => {
  const ending = instance('web', 0, { State: { Code: 32, Name: 'shutting-down' } })
  const plan = planUp(await labOf(), withInstances(ending, instance('web', 1), instance('db', 0)), facts)
  expect(lines(plan)[0]).toBe('create instances.web[0]')
})

test('refuses to replace what is protected from termination', async () => {
  const text = manifest.replace('userData: one', 'userData: two\n    disableApiTermination: true')
  const web = { ...instance('web', 0), disableApiTermination: true }
  const plan = planUp(await labOf(text), withInstances(web, instance('db', 0)), facts)
  expect(plan.refusals).toEqual([
    expect.stringMatching(/^instances\.web\[0\] \(i-web0\) is protected from termination/),
  ])
})

test('takes away everything in reverse order, and groups when no instance has them any more', async () => {
  const plan = planDown(await labOf(), built, { images: false })
  expect(plan.changes.map(({ address }) => address)).toEqual([
    'keyPairs.deploy',
    'securityGroups.web',
    'securityGroups.db',
    'instances.web[0]',
    'instances.web[1]',
    'instances.db[0]',
  ])
  expect(precedes(plan, 'terminate instances.web[1] (i-web1)', 'terminate instances.db[0] (i-db0)')).toBe(true)
  expect(precedes(plan, 'terminate instances.db[0] (i-db0)', 'delete security group shop-db')).toBe(true)
  expect(precedes(plan, 'set rules of shop-web', 'delete security group shop-db')).toBe(true)
})

test('deletes only images that it has made, and only when told so', async () => {
  const made = { ...built, images: built.images.map((image) => ({ ...image, Tags: owned('images.base') })) }
  const addresses = (observed: Observed) =>
    planDownImages(observed).changes.flatMap(({ address }) => (address.startsWith('images') ? address : []))
  const lab = await labOf()
  const planDownImages = (observed: Observed) => planDown(lab, observed, { images: true })
  expect(addresses(made)).toEqual(['images.base'])
  expect(addresses(built)).toEqual([])
})

test('does not touch what belongs to another lab', async () => {
  const other = await labOf(manifest.replace('name: shop', 'name: other'))
  expect(planDown(other, { ...built, instances: [], schedules: [] }, { images: true }).changes).toEqual([])
})

test('tells what only the daemon knows', async () => {
  const text = manifest.replace('recipe: nano', 'recipe: nanoo').replace('count: 2', 'count: 2\n    type: t3.mikro')
  const foreign: Observed = {
    ...nothing,
    keyPairs: [{ KeyName: 'shop-deploy' }],
    securityGroups: [{ GroupName: 'shop-web', GroupId: 'sg-9', Tags: [{ Key: labTag.lab, Value: 'other' }] }],
  }
  const problems = checkAgainstHost(await labOf(text), foreign, facts)
  expect(problems.map(({ path, message }) => `${path.join('.')}: ${message}`)).toEqual([
    'images.base.recipe: there is no recipe nanoo. Did you mean nano?',
    "keyPairs.deploy: a key pair shop-deploy is there and not this lab's; delete it, or call this entry or the lab something else.",
    "securityGroups.web: a security group shop-web (sg-9) is there and not this lab's; delete it, or call this entry or the lab something else.",
    'instances.web.type: there is no instance type t3.mikro. Did you mean t3.micro?',
  ])
})

test('chooses an instance type for the architecture of the image', async () => {
  const text = 'name: a\nimages: { b: { catalog: debian-12-arm64 } }\ninstances: { c: { image: b } }'
  const plan = planUp(await labOf(text), nothing, facts)
  expect(lines(plan)).toContain('  type: → t4g.micro')
  const wrong = await labOf(text.replace('image: b', 'image: b, type: t3.small'))
  expect(checkAgainstHost(wrong, nothing, facts)).toEqual([
    { path: ['instances', 'c', 'type'], message: 't3.small runs x86_64, images.b is arm64.' },
  ])
})

describe('faults', () => {
  const withFaults = `${manifest}faults:
  slow: { kind: delay, on: [web], ms: 200, for: 2m }
  apart: { kind: partition, on: [web], from: [db] }
`
  const slow: FaultDescription = {
    FaultId: 'fault-1',
    Name: 'shop/slow',
    Kind: 'delay',
    Targets: ['i-web0', 'i-web1'],
    DelayMs: 200,
    StartedAt: '2026-01-01T00:00:00.000Z',
    EndsAt: '2026-01-01T00:02:00.000Z',
  }
  const apart: FaultDescription = {
    ...slow,
    FaultId: 'fault-2',
    Name: 'shop/apart',
    Kind: 'partition',
    Against: ['i-db0'],
  }
  const faultWork = ({ operations }: Plan) => operations.filter(({ kind }) => kind.endsWith('-fault'))

  test('begin when what they are on is there, and not again while they last', async () => {
    const { DelayMs: _delay, ...partition } = apart
    const lab = await labOf(withFaults)
    expect(faultWork(planUp(lab, built, facts))).toMatchObject([
      {
        kind: 'inject-fault',
        fault: { name: 'shop/slow', durationSeconds: 120, targets: ['instances.web[0]', 'instances.web[1]'] },
      },
      { kind: 'inject-fault', fault: { name: 'shop/apart', durationSeconds: 600, against: ['instances.db[0]'] } },
    ])
    const lasting = { ...built, faults: [slow, partition] }
    expect(planUp(lab, lasting, facts)).toMatchObject({ changes: [], operations: [] })
    const fromNothing = planUp(lab, nothing, facts)
    expect(faultWork(fromNothing)[0]?.after).toEqual(['launch instances.web[0]', 'launch instances.web[1]'])
  })

  test('give way to those that the manifest has by now, and go with the lab', async () => {
    const lab = await labOf(withFaults.replace('ms: 200', 'ms: 300').replace(/ {2}apart.*\n/, ''))
    const lasting = { ...built, faults: [slow, apart] }
    const plan = planUp(lab, lasting, facts)
    expect(plan.changes.map(({ address, action }) => `${action} ${address}`)).toEqual([
      'replace faults.slow',
      'delete faults.apart',
    ])
    expect(faultWork(plan).map(({ id }) => id)).toEqual(['clear fault-1', 'inject faults.slow', 'clear fault-2'])
    expect(faultWork(planDown(lab, lasting, { images: false }))).toMatchObject([
      { faultId: 'fault-1' },
      { faultId: 'fault-2' },
    ])
  })

  test('are on something that the manifest has', async () => {
    await expect(labOf(`${manifest}faults: { slow: { kind: delay, on: [wep], ms: 0 } }`)).rejects.toThrow(
      /no instance and no security group wep\..*web/,
    )
  })
})

describe('DNS zones', () => {
  const withZone = `${manifest}dnsZones:
  shop.internal:
    records:
      - { name: web, instance: web }
      - { name: Db.shop.internal., instance: [db], ttl: 5 }
      - { name: www, type: CNAME, values: [web.shop.internal] }
`
  const zone: Observed['zones'][number] = {
    ZoneId: 'zone-1',
    Name: 'shop.internal',
    VpcIds: ['vpc-1'],
    RecordCount: 3,
    Source: 'lab shop',
    Records: [
      { Name: 'web.shop.internal', Type: 'A', Ttl: 60, Values: [], InstanceIds: ['i-web1', 'i-web0'] },
      { Name: 'db.shop.internal', Type: 'A', Ttl: 5, Values: [], InstanceIds: ['i-db0'] },
      { Name: 'www.shop.internal', Type: 'CNAME', Ttl: 300, Values: ['web.shop.internal'] },
    ],
  }

  test('are made with records once their instances are there, and left alone when they are right', async () => {
    const lab = await labOf(withZone)
    const plan = planUp(lab, nothing, facts)
    const work = plan.operations.filter(({ kind }) => ['create-zone', 'change-records'].includes(kind))
    expect(work).toMatchObject([
      { kind: 'create-zone', name: 'shop.internal' },
      {
        kind: 'change-records',
        changes: [
          { name: 'web.shop.internal', instances: ['instances.web[0]', 'instances.web[1]'], ttl: 60 },
          { name: 'db.shop.internal', instances: ['instances.db[0]'], ttl: 5 },
          { name: 'www.shop.internal', type: 'CNAME', values: ['web.shop.internal'], ttl: 300 },
        ],
        after: [
          'create DNS zone shop.internal',
          'launch instances.web[0]',
          'launch instances.web[1]',
          'launch instances.db[0]',
        ],
      },
    ])
    expect(planUp(lab, { ...built, zones: [zone] }, facts)).toMatchObject({ changes: [], operations: [] })
  })

  test('change in place by what differs alone, and go with the lab', async () => {
    const records = [
      ...zone.Records.slice(1),
      { Name: 'old.shop.internal', Type: 'A' as const, Ttl: 300, Values: ['10.0.0.1'] },
    ]
    const plan = planUp(await labOf(withZone), { ...built, zones: [{ ...zone, Records: records }] }, facts)
    expect(lines(plan)).toEqual([
      'update dnsZones.shop.internal',
      '  web.shop.internal A: → web (60 s)',
      '  old.shop.internal A: 10.0.0.1 (300 s) →',
    ])
    expect(plan.operations).toMatchObject([
      {
        changes: [
          { action: 'delete', name: 'old.shop.internal' },
          { action: 'upsert', name: 'web.shop.internal' },
        ],
      },
    ])
    const down = planDown(await labOf(withZone), { ...built, zones: [zone] }, { images: false })
    expect(down.operations).toContainEqual(expect.objectContaining({ kind: 'delete-zone', zoneId: 'zone-1' }))
  })
})
