import { join } from 'node:path'
import fsExtra from 'fs-extra'
import type { Architecture, Emulation } from '../ec2/ports/accelerator.ts'
import { type AcceleratorProbe, createAcceleratorProbe } from '../machine/accelerator.ts'
import { chooseEmulation } from '../machine/emulated-guest.ts'
import type { Ground } from './ground.ts'

/** Which accelerator machines get, and a kernel to prove it with. */
export interface AcceleratorChoice extends Pick<AcceleratorProbe, 'choose'> {
  /** Takes the kernel of an image that is being built, when there was none to prove an accelerator with. */
  offerKernel(buildDirectory: string): Promise<void>
}

export function createAcceleratorChoice({ processes, log, paths, configuration }: Ground): AcceleratorChoice {
  const probeKernel = join(paths.cache, 'probe-vmlinuz')
  const probe = createAcceleratorProbe({
    processes,
    log,
    cachePath: join(paths.cache, 'accelerator.json'),
    wanted: configuration.machines.accelerator,
    kernels: async () => [probeKernel, ...(await listHostKernels())],
  })
  const emulations = new Map<Architecture, Promise<Emulation>>()
  const emulationOf = async (architecture: Architecture) => {
    const known = emulations.get(architecture) ?? chooseEmulation(processes, architecture)
    emulations.set(architecture, known)
    return configuration.machines.emulatedAddressRandomization ? { ...(await known), guestSettings: [] } : await known
  }
  return {
    choose: async (architecture) => {
      const verdict = await probe.choose(architecture)
      return verdict.accelerator === 'kvm' ? verdict : { ...verdict, emulation: await emulationOf(architecture) }
    },
    offerKernel: async (buildDirectory) => {
      const kernel = join(buildDirectory, 'root/boot/vmlinuz')
      if ((await fsExtra.pathExists(probeKernel)) || !(await fsExtra.pathExists(kernel))) return
      await fsExtra.copy(kernel, probeKernel)
      probe.reconsider()
    },
  }
}

async function listHostKernels(): Promise<string[]> {
  const names = await fsExtra.readdir('/boot').catch(() => [])
  return names.filter((name) => name.startsWith('vmlinuz')).map((name) => join('/boot', name))
}
