import { expect, test } from 'vitest'
import { runAgainst } from './run-against.ts'

const imageId = 'ami-00000000000000001'
const images = { DescribeImages: () => ({ Images: [{ ImageId: imageId, Name: 'small', State: 'available' }] }) }
const warm = { ImageId: imageId, State: 'enabling', Depth: 'booted', InstanceTypes: ['t3.micro', 't3.small'] }
const template = {
  TemplateId: 'tpl-00000000000000001',
  ImageId: imageId,
  InstanceType: 't3.micro',
  Depth: 'booted',
  State: 'making',
  Shape: '0123456789abcdef',
  PooledInstanceIds: ['i-00000000000000001', 'i-00000000000000002'],
}
const made = { ...template, State: 'ready', MadeInSeconds: 41.25, MemoryBytes: 3_000_000, UseCount: 7 }

/** Tells one answer after the other, the last one ever again. */
function oneAfterTheOther(...answers: readonly object[]): () => object {
  let count = 0
  return () => answers[Math.min(count++, answers.length - 1)] ?? {}
}

test('warms an image for types and a depth, and tells what is asked for', async () => {
  const argv = ['image', 'warm', 'small', '--type', 't3.micro', '--type', 't3.small', '--depth', 'booted']
  const { code, out, calls } = await runAgainst({ ...images, KilnWarmImage: () => warm }, argv)
  expect({ code, out }).toEqual({ code: 0, out: `${imageId} enabling: booted, for t3.micro, t3.small\n` })
  expect(calls.at(-1)).toMatchObject({
    operation: 'KilnWarmImage',
    input: { ImageId: imageId, InstanceTypes: ['t3.micro', 't3.small'], Depth: 'booted' },
  })
})

test('waits until the templates are made, and tells of each once', async () => {
  const KilnDescribeTemplates = oneAfterTheOther(
    { Images: [warm], Templates: [template] },
    { Images: [warm], Templates: [template] },
    { Images: [{ ...warm, State: 'enabled' }], Templates: [made] },
  )
  const answers = { ...images, KilnWarmImage: () => warm, KilnDescribeTemplates }
  const { code, err } = await runAgainst(answers, ['image', 'warm', 'small', '--wait'])
  expect({ code, err }).toEqual({
    code: 0,
    err: 'tpl-00000000000000001 for t3.micro boots\ntpl-00000000000000001 for t3.micro is ready, made in 41.3 s\n',
  })
})

test('fails with the reason when no template can be made', async () => {
  const failed = { ...warm, State: 'enabling-failed', StateTransitionReason: 'it has no guest part' }
  const KilnDescribeTemplates = () => ({ Images: [failed], Templates: [] })
  const answers = { ...images, KilnWarmImage: () => warm, KilnDescribeTemplates }
  const { code, err } = await runAgainst(answers, ['image', 'warm', 'small', '--wait'])
  expect(code).toBe(1)
  expect(err).toContain('enabling-failed: it has no guest part')
})

test('lists templates, and what there is none of yet', async () => {
  const KilnDescribeTemplates = () => ({ Images: [warm], Templates: [made] })
  const { out } = await runAgainst({ ...images, KilnDescribeTemplates }, ['image', 'templates'])
  const [head = '', first = '', second = ''] = out.split('\n')
  expect(head.split(/ {2,}/).slice(0, 5)).toEqual(['TEMPLATE', 'IMAGE', 'TYPE', 'DEPTH', 'STATE'])
  expect(first).toMatch(
    /^tpl-00000000000000001 +small +t3\.micro +booted +ready +2\.9 MiB .*41\.3 s +2 +7 .*0123456789ab/,
  )
  expect(second).toMatch(/^- +small +t3\.small +booted +enabling/)
})

test('cools an image', async () => {
  const { code, calls } = await runAgainst({ ...images, DisableFastLaunch: () => ({}) }, ['image', 'cool', 'small'])
  expect(code).toBe(0)
  expect(calls.at(-1)).toMatchObject({ operation: 'DisableFastLaunch', input: { ImageId: imageId } })
})
