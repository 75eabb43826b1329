import { expect, test } from 'vitest'
import { checkAgainstHost } from '../../../src/manifest/host-check.ts'
import { labTag } from '../../../src/manifest/lab.ts'
import type { Observed } from '../../../src/manifest/observed.ts'
import { planUp } from '../../../src/manifest/plan/plan-lab.ts'
import { facts, labOf, lines, manifest, nothing } from './shop-lab.ts'

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
