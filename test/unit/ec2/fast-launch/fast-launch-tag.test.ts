import { expect, test } from 'vitest'
import { readFastLaunchTag } from '../../../../src/ec2/fast-launch/fast-launch-tag.ts'

test('reads the tag by which an instance says how its launch goes', () => {
  expect(readFastLaunchTag([{ key: 'Name', value: 'off' }])).toBe('on')
  expect(readFastLaunchTag([{ key: 'kiln:fast-launch', value: 'off' }])).toBe('off')
  expect(readFastLaunchTag([{ key: 'kiln:fast-launch', value: 'wait-for-cloud-init' }])).toBe('wait-for-cloud-init')
})

test('refuses what the tag cannot say', () => {
  expect(() => readFastLaunchTag([{ key: 'kiln:fast-launch', value: 'Off' }])).toThrow(
    'Value (Off) for parameter Tag kiln:fast-launch is invalid. Expected one of off, wait-for-cloud-init.',
  )
})
