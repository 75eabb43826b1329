import { expect, test } from 'vitest'
import { decodeUefiData, encodeUefiData } from '../../../src/ec2/uefi/uefi-data.ts'
import type { UefiVariable } from '../../../src/ec2/ports/machine-spec.ts'
import { readUefiStore, writeUefiStore } from '../../../src/machine/uefi-store.ts'

const global = '61dfe48bca93d211aa0d00e098032b8c'
const variables: readonly UefiVariable[] = [
  { name: 'BootOrder', vendor: global, attributes: 7, data: 'AQAAAA==' },
  { name: 'Lang', vendor: global, attributes: 7, data: 'ZW5nAA==' },
  { name: 'PK', vendor: global, attributes: 0x27, data: '', timestamp: 'e5070b1d0c0000000000000000000000' },
]

test('writes variables into an empty flash and reads them again', () => {
  const flash = writeUefiStore(Buffer.alloc(0xc0000), variables)
  expect(flash.length).toBe(0xc0000)
  expect(readUefiStore(flash)).toEqual(variables)
})

test('takes a variable that was replaced for gone', () => {
  const flash = writeUefiStore(Buffer.alloc(0xc0000), variables)
  // VAR_DELETED, as the firmware clears bits of the state.
  flash[flash.indexOf(Buffer.from('Lang', 'utf16le')) - 60 + 2] = 0x3d
  expect(readUefiStore(flash).map(({ name }) => name)).toEqual(['BootOrder', 'PK'])
})

test('finds nothing in a flash that no firmware has written to', () => {
  expect(readUefiStore(Buffer.alloc(1024))).toEqual([])
})

test('refuses more than the store holds', () => {
  const large = { name: 'Large', vendor: global, attributes: 7, data: Buffer.alloc(0x40000).toString('base64') }
  expect(() => writeUefiStore(Buffer.alloc(0xc0000), [large])).toThrow('do not fit')
})

test('packs variables as EC2 does, and unpacks them', () => {
  const text = encodeUefiData(variables)
  expect(text).toMatch(/^QU1aTlVFRk/)
  expect(decodeUefiData(text)).toEqual(variables)
})

test.each([
  ['is no UefiData', 'AAAA', 'AMZNUEFI'],
  ['was cut', encodeUefiData(variables).slice(0, -8), 'checksum'],
])('refuses a text that %s', (_what, text, why) => {
  expect(() => decodeUefiData(text)).toThrow(why)
})
