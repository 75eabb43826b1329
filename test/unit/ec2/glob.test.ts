import { describe, expect, test } from 'vitest'
import { compileGlob, matchesGlob } from '../../../src/ec2/glob.ts'

describe('a filter value', () => {
  test.each([
    ['web', 'web', true],
    ['web', 'web2', false],
    ['', '', true],
    ['', 'x', false],
    ['*', '', true],
    ['*', 'two\nlines', true],
    ['w*b', 'web', true],
    ['w*b', 'wb', true],
    ['w*b', 'webs', false],
    ['*ab*ab', 'ab-aab', true],
    ['*ab*ab', 'ab-aa', false],
    ['?', '😀', true],
    ['?', '', false],
    ['a?c*', 'abcd', true],
    ['a.c', 'abc', false],
    ['\\*', '*', true],
    ['\\*', 'x', false],
    ['\\?\\\\', '?\\', true],
    ['a\\', 'a\\', true],
    ['*a*b*c*d*e*', '-a-b-c-d-e-', true],
  ])('%j on %j: %s', (pattern, text, expected) => {
    expect(matchesGlob(compileGlob(pattern), text)).toBe(expected)
  })

  test('takes no more steps than the product of the lengths, however many wildcards it has', () => {
    const pattern = compileGlob(`${'*a'.repeat(2000)}*b`)
    expect(matchesGlob(pattern, 'a'.repeat(5000))).toBe(false)
  })
})
