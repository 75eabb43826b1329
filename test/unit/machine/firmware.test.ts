import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { findFirmware } from '../../../src/machine/firmware.ts'

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'firmware-'))
})
afterEach(async () => {
  await rm(directory, { recursive: true })
})

async function describeFirmware(name: string, own: object = {}): Promise<void> {
  const descriptor = {
    'interface-types': ['uefi'],
    mapping: {
      device: 'flash',
      executable: { filename: `/fw/${name}_CODE`, format: 'raw' },
      'nvram-template': { filename: `/fw/${name}_VARS`, format: 'raw' },
    },
    targets: [{ architecture: 'x86_64', machines: ['pc-i440fx-*', 'pc-q35-*'] }],
    features: ['acpi-s3'],
    ...own,
  }
  await writeFile(join(directory, `${name}.json`), JSON.stringify(descriptor))
}

test('takes the first that needs neither secure boot nor system management mode', async () => {
  await describeFirmware('10-secure', { features: ['requires-smm', 'secure-boot'] })
  await describeFirmware('20-plain')
  await describeFirmware('30-other')
  expect(await findFirmware('x86_64', 'pc-q35-7.2', [directory])).toEqual({
    codePath: '/fw/20-plain_CODE',
    variablesPath: '/fw/20-plain_VARS',
  })
})

test('passes over firmware of other machines, and what is no description', async () => {
  await describeFirmware('10-arm', { targets: [{ architecture: 'aarch64', machines: ['virt-*'] }] })
  await describeFirmware('20-bios', { 'interface-types': ['bios'] })
  await writeFile(join(directory, '30-broken.json'), '{')
  await expect(findFirmware('x86_64', 'pc-q35-7.2', [directory])).rejects.toThrow('install the package ovmf')
  expect((await findFirmware('arm64', 'virt-7.2', [directory])).codePath).toBe('/fw/10-arm_CODE')
})
