import type { RegisterImageRequest } from '@aws-sdk/client-ec2'
import { invalidParameterCombination, invalidParameterValue } from '../errors.ts'
import type { Architecture } from '../ports/accelerator.ts'
import { decodeUefiData } from '../uefi/uefi-data.ts'

/** `uefi-preferred`: by UEFI on instance types that have it, else by a BIOS. */
export type BootMode = 'legacy-bios' | 'uefi' | 'uefi-preferred'

/** How the servers of an image come up. */
export interface BootSettings {
  readonly bootMode: BootMode
  /** Absent: without a TPM. */
  readonly tpmSupport?: 'v2.0'
  /** What the firmware's variables begin with, in EC2's own packing. */
  readonly uefiData?: string
}

/** What EC2 takes when an image says nothing. */
export function usualBootMode(architecture: Architecture): BootMode {
  return architecture === 'arm64' ? 'uefi' : 'legacy-bios'
}

/** Reads them of a request. Throws InvalidParameterCombination for what no machine of the architecture can be. */
export function readBootSettings(
  architecture: Architecture,
  input: Pick<RegisterImageRequest, 'BootMode' | 'TpmSupport' | 'UefiData'>,
): BootSettings {
  const { BootMode: bootMode = usualBootMode(architecture), TpmSupport: tpmSupport, UefiData: uefiData } = input
  if (architecture === 'arm64' && bootMode !== 'uefi') {
    throw invalidParameterCombination(`An image of architecture arm64 boots by uefi only, not by ${bootMode}.`)
  }
  if (architecture === 'i386' && bootMode !== 'legacy-bios') {
    throw invalidParameterCombination(`An image of architecture i386 boots by legacy-bios only, not by ${bootMode}.`)
  }
  if (tpmSupport !== undefined && bootMode !== 'uefi') {
    throw invalidParameterCombination(`TpmSupport ${tpmSupport} requires the boot mode uefi; it is ${bootMode}.`)
  }
  if (uefiData !== undefined) requireUefiData(uefiData, bootMode)
  return { bootMode, ...(tpmSupport ? { tpmSupport: 'v2.0' } : {}), ...(uefiData ? { uefiData } : {}) }
}

function requireUefiData(uefiData: string, bootMode: BootMode): void {
  if (bootMode === 'legacy-bios') {
    throw invalidParameterCombination('UefiData requires the boot mode uefi or uefi-preferred; it is legacy-bios.')
  }
  try {
    decodeUefiData(uefiData)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw invalidParameterValue('uefiData', `${uefiData.slice(0, 20)}…`, `It cannot be read: ${why}.`)
  }
}

/** Those of a record, to be put into another. */
export function bootSettingsOf({
  bootMode,
  tpmSupport,
  uefiData,
}: { [Name in keyof BootSettings]: BootSettings[Name] | undefined } & Pick<BootSettings, 'bootMode'>): BootSettings {
  return { bootMode, ...(tpmSupport ? { tpmSupport } : {}), ...(uefiData === undefined ? {} : { uefiData }) }
}
