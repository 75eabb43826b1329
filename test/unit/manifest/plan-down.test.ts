import { expect, test } from 'vitest'
import type { Observed } from '../../../src/manifest/observed.ts'
import { planDown } from '../../../src/manifest/plan/plan-lab.ts'
import { built, labOf, manifest, owned, precedes } from './shop-lab.ts'

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
