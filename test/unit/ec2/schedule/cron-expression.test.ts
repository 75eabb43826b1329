import { expect, test } from 'vitest'
import { isCronExpression, lastTimeWithin } from '../../../../src/ec2/schedule/cron-expression.ts'

test.each(['* * * * *', '0 8 * * 1-5', '0 0 29 2 *', '0 3 L * *'])('%s is a cron expression', (text) => {
  expect(isCronExpression(text)).toBe(true)
})

test.each(['* * * * * *', 'every day', '0 25 * * *', '0 0 30 2 *', '0 0 29 2 1#1', ''])('%s is none', (text) => {
  expect(isCronExpression(text)).toBe(false)
})

test.each([
  ['0 8 * * *', 'UTC', '2026-03-03T08:00:00.000Z'],
  ['30 8 * * *', 'Asia/Kathmandu', '2026-03-04T02:45:00.000Z'],
  ['0 18 * * 1', 'Europe/Berlin', '2026-03-02T17:00:00.000Z'],
  ['0 18 * * 0', 'Europe/Berlin', undefined],
])('finds the last time of %s in %s', (cron, timeZone, expected) => {
  const interval = { after: new Date('2026-03-02T00:00:00Z'), until: new Date('2026-03-04T07:59:30Z') }
  expect(lastTimeWithin({ cron, timeZone }, interval)?.toISOString()).toBe(expected)
})

test('the end of an interval is part of it, its beginning is not', () => {
  const time = new Date('2026-03-02T08:00:00Z')
  const timing = { cron: '0 8 * * *', timeZone: 'UTC' }
  expect(lastTimeWithin(timing, { after: new Date(time.getTime() - 1), until: time })).toEqual(time)
  expect(lastTimeWithin(timing, { after: time, until: new Date(time.getTime() + 60_000) })).toBeUndefined()
})
