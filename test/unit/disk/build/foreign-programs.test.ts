import { expect, test } from 'vitest'
import { tinyProgram } from '../../../../src/disk/build/foreign-programs.ts'

test.each([
  ['arm64', 120 + 12],
  ['i386', 84 + 9],
] as const)('makes a program of %s whose one segment is the whole file', (architecture, bytes) => {
  const program = tinyProgram(architecture)
  expect(program.length).toBe(bytes)
  const sizeInFile = architecture === 'arm64' ? Number(program.readBigUInt64LE(64 + 32)) : program.readUInt32LE(52 + 16)
  expect(sizeInFile).toBe(bytes)
})
