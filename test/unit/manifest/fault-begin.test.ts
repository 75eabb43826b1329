import { expect, test } from 'vitest'
import { noNetwork } from '../../../src/manifest/observed-network.ts'
import type { Observed } from '../../../src/manifest/observed.ts'
import { parseManifest } from '../../../src/manifest/parse.ts'
import { planUp } from '../../../src/manifest/plan/plan-lab.ts'

const manifest = `
name: shop
images: { base: { existing: nano } }
securityGroups: { front: {}, back: {} }
instances:
  web: { image: base, count: 2, securityGroups: [front] }
  db: { image: base, securityGroups: [back] }
faults:
`
const nothing: Observed = {
  images: [{ ImageId: 'ami-1', Name: 'nano', Architecture: 'x86_64', CreationDate: '2026-01-01' }],
  ...{ keyPairs: [], securityGroups: [], instances: [], schedules: [], faults: [], zones: [], pipelines: [] },
  ...{ network: noNetwork, warmImages: [] },
}
const facts = { recipes: new Map(), catalog: new Map(), instanceTypes: new Map([['t3.micro', ['x86_64']]]) }

test.each([
  ['an instance', '{ kind: loss, on: [db], percent: 1 }', ['db[0]']],
  ['a group', '{ kind: loss, on: [front], percent: 1 }', ['web[0]', 'web[1]']],
  ['a group and an instance', '{ kind: partition, on: [front], from: [db] }', ['web[0]', 'web[1]', 'db[0]']],
  ['the API', '{ kind: api, perSecond: 1 }', ['web[0]', 'web[1]', 'db[0]']],
])('a fault on %s begins after what is waited for', async (_, fault, instances) => {
  const { lab } = await parseManifest({ text: `${manifest}  wrong: ${fault}\n`, file: 'lab.yaml' })
  const after = planUp(lab, nothing, facts, 'ssh').operations.find(({ kind }) => kind === 'inject-fault')?.after ?? []
  const launches = instances.map((instance) => `launch instances.${instance}`)
  const waits = instances.map((instance) => `wait until instances.${instance} has reached ssh`)
  expect(after.filter((id) => !id.startsWith('create')).toSorted()).toEqual([...launches, ...waits].toSorted())
})
