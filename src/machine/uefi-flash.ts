import { open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import fsExtra from 'fs-extra'
import type { FirmwareSpec, UefiVariable } from '../ec2/ports/machine-spec.ts'
import { machineFile } from '../host/state-paths.ts'
import { readUefiStore, writeUefiStore } from './uefi-store.ts'

/** Makes the machine's own variable store, unless it has one. */
export async function ensureUefiFlash(directory: string, firmware: FirmwareSpec): Promise<void> {
  const path = join(directory, machineFile.uefiVariables)
  if (await fsExtra.pathExists(path)) return
  const template = await readFile(firmware.variablesPath)
  const flash = firmware.variables ? writeUefiStore(template, firmware.variables) : template
  const temporary = `${path}.tmp`
  const file = await open(temporary, 'w', 0o600)
  try {
    // The flash of virt has 64 MiB, nearly all of them empty.
    await file.write(flash.subarray(0, lengthWithoutZeros(flash)), 0)
    await file.truncate(flash.length)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
}

/** What the firmware of a machine keeps; undefined when the machine has never been started. */
export async function readUefiFlash(directory: string): Promise<UefiVariable[] | undefined> {
  const flash = await readFile(join(directory, machineFile.uefiVariables)).catch(() => undefined)
  return flash && readUefiStore(flash)
}

function lengthWithoutZeros(bytes: Buffer): number {
  let length = bytes.length
  while (length > 0 && bytes[length - 1] === 0) length--
  return length
}
