import { expect, test } from 'vitest'
import type { WarmImageDescription } from '../../../src/api/kiln/fast-launch.ts'
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
  instanceTypes: new Map([
    ['t3.micro', ['x86_64']],
    ['t3.small', ['x86_64']],
  ]),
}
const image = { ImageId: 'ami-1', Name: 'nano', Architecture: 'x86_64', CreationDate: '2026-01-01' } as const
const nothing: Observed = {
  ...{ images: [image], keyPairs: [], securityGroups: [], instances: [], schedules: [], faults: [], zones: [] },
  ...{ pipelines: [], network: noNetwork, warmImages: [] },
}
const warm: WarmImageDescription = {
  ImageId: 'ami-1',
  State: 'enabled',
  StateTransitionReason: 'Client.UserInitiated',
  StateTransitionTime: '2026-01-01T00:00:00.000Z',
  Depth: 'booted',
  InstanceTypes: ['t3.micro', 't3.small'],
}

async function labOf(warmth: string, instances = '{ image: base }'): Promise<Lab> {
  const text = `name: shop\nimages: { base: { recipe: nano${warmth} } }\ninstances: { web: ${instances} }`
  return (await parseManifest({ text, file: 'lab.yaml' })).lab
}

/** What is planned for images. */
function workOf({ changes, operations }: Plan) {
  const ofImages = changes.filter(({ address }) => address.startsWith('images.'))
  return {
    changes: ofImages.map(({ address, action, details }) => ({
      address,
      action,
      warm: details.find(({ name }) => name === 'warm'),
    })),
    operations: operations.filter(({ kind }) => kind === 'warm-image' || kind === 'cool-image'),
  }
}

test('asks for templates of the types that a lab launches, before it launches them', async () => {
  const lab = await labOf(', warm: true', '{ image: base, type: t3.small }')
  const plan = planUp(lab, nothing, facts)
  expect(workOf(plan)).toEqual({
    changes: [{ address: 'images.base', action: 'update', warm: { name: 'warm', new: 'booted for t3.small' } }],
    operations: [
      {
        kind: 'warm-image',
        id: 'warm images.base',
        address: 'images.base',
        types: ['t3.small'],
        waits: false,
        isFirst: true,
        after: [],
      },
    ],
  })
  expect(plan.operations.find(({ kind }) => kind === 'launch-instance')?.after).toContain('warm images.base')
  const fromNothing = planUp(lab, { ...nothing, images: [] }, facts)
  expect(workOf(fromNothing).changes).toMatchObject([{ action: 'create', warm: { new: 'booted for t3.small' } }])
  expect(workOf(fromNothing).operations[0]?.after).toEqual(['make image nano'])
})

test('asks for no template of what shall boot, and says so of its launch', async () => {
  const plan = planUp(await labOf(', warm: true', '{ image: base, type: t3.small, fastLaunch: false }'), nothing, facts)
  expect(workOf(plan).operations).toMatchObject([{ types: ['t3.micro'] }])
  const launch = plan.operations.find(({ kind }) => kind === 'launch-instance')
  expect(launch).toMatchObject({ launch: { tags: { 'kiln:fast-launch': 'off' } } })
  const waiting = planUp(await labOf('', '{ image: base, fastLaunch: wait-for-cloud-init }'), nothing, facts)
  expect(waiting.changes.flatMap(({ details }) => details)).toContainEqual({
    name: 'fastLaunch',
    new: 'wait-for-cloud-init',
  })
})

test('leaves templates alone that are there, and waits for those on their way when told to', async () => {
  const lab = await labOf(', warm: { wait: true }')
  const idle = { changes: [], operations: [] }
  expect(workOf(planUp(lab, { ...nothing, warmImages: [warm] }, facts))).toEqual(idle)
  const enabling: WarmImageDescription = { ...warm, State: 'enabling' }
  const underWay = workOf(planUp(lab, { ...nothing, warmImages: [enabling] }, facts))
  expect(underWay).toMatchObject({ changes: [], operations: [{ kind: 'warm-image', waits: true, isFirst: false }] })
  expect(workOf(planUp(await labOf(', warm: true'), { ...nothing, warmImages: [enabling] }, facts))).toEqual(idle)
})

test.each([
  ['another depth', ', warm: { depth: before-cloud-init }', warm, 'before-cloud-init for t3.micro'],
  ['another type', ', warm: true', { ...warm, InstanceTypes: ['t3.small'] }, 'booted for t3.micro'],
  ['what has failed', ', warm: true', { ...warm, State: 'enabled-failed' as const }, 'booted for t3.micro'],
])('asks again for %s', async (_what, warmth, present, told) => {
  const plan = planUp(await labOf(warmth), { ...nothing, warmImages: [present] }, facts)
  expect(workOf(plan)).toMatchObject({
    changes: [{ action: 'update', warm: { new: told } }],
    operations: [{ kind: 'warm-image', isFirst: false }],
  })
})

test('drops the templates that it has asked for, when it goes and when it does not ask any more', async () => {
  const ours: Observed = {
    ...nothing,
    images: [{ ...image, Tags: [{ Key: labTag.warm, Value: 'shop' }] }],
    warmImages: [warm],
  }
  const dropped = {
    changes: [
      { address: 'images.base', action: 'update', warm: { name: 'warm', old: 'booted for t3.micro, t3.small' } },
    ],
    operations: [{ kind: 'cool-image', id: 'drop the warm templates of nano', imageId: 'ami-1', after: [] }],
  }
  const lab = await labOf(', warm: true')
  expect(workOf(planUp(lab, ours, facts))).toEqual({ changes: [], operations: [] })
  expect(workOf(planUp(await labOf(''), ours, facts))).toEqual(dropped)
  expect(workOf(planDown(lab, ours, { images: false }))).toEqual(dropped)
  const theirs: Observed = { ...ours, images: [{ ...image, Tags: [{ Key: labTag.warm, Value: 'other' }] }] }
  expect(workOf(planDown(lab, theirs, { images: false })).operations).toEqual([])
  expect(workOf(planDown(lab, { ...nothing, warmImages: [warm] }, { images: false })).operations).toEqual([])
})

test('refuses a depth and a way that there are not', async () => {
  await expect(labOf(', warm: { depth: warm }')).rejects.toThrow(/images\.base\.warm/)
  await expect(labOf('', '{ image: base, fastLaunch: maybe }')).rejects.toThrow(
    /instances\.web\.fastLaunch: expected true, false or wait-for-cloud-init/,
  )
})
