import type { BootSettings } from '../image/boot-settings.ts'
import { Ec2Error } from '../errors.ts'
import type { InstanceType } from '../instance-type/instance-type.ts'

export type CurrentBootMode = 'legacy-bios' | 'uefi'

/** How an instance of a type boots. Throws `Unsupported` when the type cannot do what the image asks for. */
export function chooseBootMode({ bootMode, tpmSupport }: BootSettings, type: InstanceType): CurrentBootMode {
  const { supportedBootModes: supported } = type
  if (tpmSupport && !type.hasTpm) {
    throw unsupported(`The instance type ${type.name} has no TPM, and the image asks for one of version ${tpmSupport}.`)
  }
  if (bootMode === 'uefi-preferred') return supported.includes('uefi') ? 'uefi' : 'legacy-bios'
  if (supported.includes(bootMode)) return bootMode
  throw unsupported(
    `The instance type ${type.name} boots by ${supported.join(' and ')} only, the image by ${bootMode}.`,
  )
}

/** Instances of before there was UEFI do not say it. */
export function currentBootModeOf(instance: {
  readonly bootMode: BootSettings['bootMode']
  readonly currentBootMode?: CurrentBootMode
}): CurrentBootMode {
  return instance.currentBootMode ?? (instance.bootMode === 'legacy-bios' ? 'legacy-bios' : 'uefi')
}

function unsupported(message: string): Ec2Error {
  return new Ec2Error('Unsupported', message)
}
