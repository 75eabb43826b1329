import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { z } from 'zod'
import type { Architecture } from '../ec2/ports/accelerator.ts'
import type { FirmwareFiles } from '../ec2/ports/machine-spec.ts'

/**
 * What a firmware package tells of itself (QEMU, docs/interop/firmware.json): one file for each image, in directories of which the
 * administrator's own comes first; a file there hides one of the same name further on.
 */
const directories = ['/etc/qemu/firmware', '/usr/local/share/qemu/firmware', '/usr/share/qemu/firmware']
/** An image that insists on what no machine of Kiln's has, or that starts signed boot loaders only. */
const unwanted = new Set(['requires-smm', 'secure-boot', 'enrolled-keys'])
const packages = { x86_64: 'ovmf', i386: 'ovmf', arm64: 'qemu-efi-aarch64' } as const
const targets = { x86_64: 'x86_64', i386: 'x86_64', arm64: 'aarch64' } as const

const flashFile = z.object({ filename: z.string(), format: z.literal('raw') })
const descriptor = z.object({
  'interface-types': z.array(z.string()),
  mapping: z.object({ device: z.literal('flash'), executable: flashFile, 'nvram-template': flashFile }),
  targets: z.array(z.object({ architecture: z.string(), machines: z.array(z.string()) })),
  features: z.array(z.string()),
})

/** The UEFI firmware for machines of an architecture. Rejects with an Error that names the missing package. */
export async function findFirmware(
  architecture: Architecture,
  machineType: string,
  searched: readonly string[] = directories,
): Promise<FirmwareFiles> {
  for (const path of await listDescriptors(searched)) {
    const parsed = descriptor.safeParse(readJson(await readFile(path, 'utf8')))
    if (!parsed.success) continue
    const { mapping, features, 'interface-types': interfaces } = parsed.data
    const isFor = parsed.data.targets.some(
      (target) =>
        target.architecture === targets[architecture] &&
        target.machines.some((pattern) => machineType.startsWith(pattern.replace(/\*.*/, ''))),
    )
    if (!isFor || !interfaces.includes('uefi') || features.some((feature) => unwanted.has(feature))) continue
    return { codePath: mapping.executable.filename, variablesPath: mapping['nvram-template'].filename }
  }
  throw new Error(
    `This host has no UEFI firmware for ${architecture}: install the package ${packages[architecture]} (kiln doctor tells what is missing).`,
  )
}

async function listDescriptors(searched: readonly string[]): Promise<string[]> {
  const found = new Map<string, string>()
  for (const directory of searched) {
    for (const name of await readdir(directory).catch(() => [])) {
      if (name.endsWith('.json') && !found.has(name)) found.set(name, join(directory, name))
    }
  }
  return [...found.values()].sort((a, b) => basename(a).localeCompare(basename(b)))
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
