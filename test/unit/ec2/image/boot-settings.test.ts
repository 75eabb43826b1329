import { expect, test } from 'vitest'
import { readBootSettings } from '../../../../src/ec2/image/boot-settings.ts'
import { chooseBootMode } from '../../../../src/ec2/instance/boot-mode.ts'
import type { InstanceType } from '../../../../src/ec2/instance-type/instance-type.ts'
import { encodeUefiData } from '../../../../src/ec2/uefi/uefi-data.ts'

const uefiData = encodeUefiData([])
const nitro = { name: 't3.micro', supportedBootModes: ['legacy-bios', 'uefi'], hasTpm: true } as unknown as InstanceType
const xen = { name: 't2.micro', supportedBootModes: ['legacy-bios'], hasTpm: false } as unknown as InstanceType

test('boots by what is usual of the architecture when nothing is said', () => {
  expect(readBootSettings('x86_64', {})).toEqual({ bootMode: 'legacy-bios' })
  expect(readBootSettings('arm64', {})).toEqual({ bootMode: 'uefi' })
})

test('keeps boot mode, TPM and variables', () => {
  const input = { BootMode: 'uefi', TpmSupport: 'v2.0', UefiData: uefiData } as const
  expect(readBootSettings('x86_64', input)).toEqual({ bootMode: 'uefi', tpmSupport: 'v2.0', uefiData })
})

test.each([
  ['arm64', { BootMode: 'legacy-bios' }, 'arm64 boots by uefi only'],
  ['arm64', { BootMode: 'uefi-preferred' }, 'arm64 boots by uefi only'],
  ['i386', { BootMode: 'uefi' }, 'i386 boots by legacy-bios only'],
  ['x86_64', { TpmSupport: 'v2.0' }, 'TpmSupport v2.0 requires the boot mode uefi'],
  ['x86_64', { BootMode: 'uefi-preferred', TpmSupport: 'v2.0' }, 'TpmSupport v2.0 requires the boot mode uefi'],
  ['x86_64', { UefiData: uefiData }, 'UefiData requires the boot mode uefi'],
] as const)('refuses what no machine of %s can be: %j', (architecture, input, message) => {
  expect(() => readBootSettings(architecture, input)).toThrow(
    expect.objectContaining({ code: 'InvalidParameterCombination', message: expect.stringContaining(message) }),
  )
})

test('refuses variables that cannot be read', () => {
  expect(() => readBootSettings('x86_64', { BootMode: 'uefi', UefiData: 'bm90' })).toThrow(
    expect.objectContaining({ code: 'InvalidParameterValue' }),
  )
})

test('prefers UEFI where the instance type has it', () => {
  expect(chooseBootMode({ bootMode: 'uefi-preferred' }, nitro)).toBe('uefi')
  expect(chooseBootMode({ bootMode: 'uefi-preferred' }, xen)).toBe('legacy-bios')
})

test.each([
  [{ bootMode: 'uefi' }, 'boots by legacy-bios only'],
  [{ bootMode: 'uefi-preferred', tpmSupport: 'v2.0' }, 'has no TPM'],
] as const)('refuses an instance type that cannot do %j', (settings, message) => {
  expect(() => chooseBootMode(settings, xen)).toThrow(
    expect.objectContaining({ code: 'Unsupported', message: expect.stringContaining(message) }),
  )
})
