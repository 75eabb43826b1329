import { expect, test } from 'vitest'
import { renderPlan } from '../../../src/cli/render/plan.ts'
import { planUp } from '../../../src/manifest/plan/plan-lab.ts'
import { writePermissions } from '../../../src/manifest/rule.ts'
import { built, facts, instance, labOf, lines, manifest, nothing, precedes, withInstances } from './shop-lab.ts'

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

test('takes back what was allowed by hand, whatever it names', async () => {
  const byHand = [
    { IpProtocol: 'tcp', FromPort: 1, ToPort: 2, PrefixListIds: [{ PrefixListId: 'pl-0123456789abcdef0' }] },
    { IpProtocol: 'icmp', FromPort: 3, ToPort: 1, IpRanges: [{ CidrIp: '10.0.0.0/8' }] },
    { IpProtocol: 'icmp', FromPort: 3, ToPort: 4, IpRanges: [{ CidrIp: '10.0.0.0/8' }] },
    { IpProtocol: '50', IpRanges: [{ CidrIp: '10.0.0.0/8' }] },
  ]
  const securityGroups = built.securityGroups.map((group) =>
    group.GroupName === 'shop-db' ? { ...group, IpPermissions: [...(group.IpPermissions ?? []), ...byHand] } : group,
  )
  const plan = planUp(await labOf(), { ...built, securityGroups }, facts)
  expect(lines(plan)).toEqual([
    'update securityGroups.db',
    '  ingress: tcp 1-2 from pl-0123456789abcdef0 →',
    '  ingress: icmp type 3 code 1 from 10.0.0.0/8 →',
    '  ingress: icmp type 3 code 4 from 10.0.0.0/8 →',
    '  ingress: protocol 50 from 10.0.0.0/8 →',
  ])
  const change = plan.operations.find((operation) => operation.kind === 'change-rules')
  expect(writePermissions(change?.revokeIngress.slice(0, 1) ?? [], (group) => group)).toEqual(byHand.slice(0, 1))
  const wanted = manifest.replace('from: web }', 'from: web }, { ports: 1-2, from: pl-0123456789abcdef0 }')
  const [, ...others] = lines(planUp(await labOf(wanted), { ...built, securityGroups }, facts))
  expect(others).toHaveLength(3)
})

test('tells of a new group what it lets out and what it does not any more', async () => {
  const text = manifest.replace('from: web }] }', 'from: web }], egress: [{ protocol: all, to: 10.0.0.0/8 }] }')
  const printed = renderPlan(planUp(await labOf(text), nothing, facts), { color: false })
  expect(printed).toContain(`
      ingress: tcp 5432 from web
      - egress: all to 0.0.0.0/0
      egress: all to 10.0.0.0/8
`)
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
