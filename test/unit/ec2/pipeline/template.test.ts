import { expect, test } from 'vitest'
import { checkTemplate, fillTemplate, templateValues } from '../../../../src/ec2/pipeline/template.ts'

const values = templateValues({
  pipeline: 'web',
  number: 7,
  baseImageId: 'ami-1',
  now: new Date('2026-11-29T05:12:59Z'),
  parameters: new Map([['PORT', '80']]),
})

test('fills in pipeline, build, date, time, base and parameters', () => {
  expect(fillTemplate('${pipeline}-${date}-${time}-${build}-${base}-${PORT}', values)).toBe(
    'web-2026-11-29-0512-7-ami-1-80',
  )
})

test('tells of a name that means nothing, with those that do', () => {
  expect(checkTemplate('${pipeline}-${dat}', ['PORT'])).toEqual([
    'there is no ${dat}. Known: pipeline, build, date, time, base, PORT; secret parameters cannot be told.',
  ])
})
