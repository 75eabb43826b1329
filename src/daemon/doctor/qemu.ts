import { readQemuVersion } from '../../machine/qemu-version.ts'
import { type Check, type HostView, ok, problem } from './check.ts'

const oldestVersion = [7, 2] as const
/** The machine type of every x86 server: versioned, so that servers stay what they are when QEMU is upgraded. */
const machineType = 'pc-q35-7.2'
const toolTimeoutMs = 20_000
const upgradeRemedy = 'Install QEMU 7.2 or newer, as in Debian 12: sudo apt-get install qemu-system-x86 qemu-utils'

/** QEMU and qemu-img are there, new enough, and know the machine that servers are. */
export function checkQemu(host: HostView): Check {
  return {
    name: 'QEMU',
    run: async () => {
      for (const program of ['qemu-system-x86_64', 'qemu-img'] as const) {
        const version = await readQemuVersion(host.processes, program)
        if (!version) return problem(`${program} does not run`, upgradeRemedy)
        if (!isNewEnough(version)) return problem(`${program} is version ${version.join('.')}, too old`, upgradeRemedy)
      }
      const { stdout } = await host.processes.run({
        argv: ['qemu-system-x86_64', '-machine', 'help'],
        timeoutMs: toolTimeoutMs,
      })
      if (!stdout.split('\n').some((line) => line.startsWith(`${machineType} `))) {
        return problem(`qemu-system-x86_64 does not know the machine type ${machineType}`, upgradeRemedy)
      }
      return ok(
        `version ${(await readQemuVersion(host.processes, 'qemu-system-x86_64'))?.join('.')}, knows ${machineType}`,
      )
    },
  }
}

function isNewEnough([major = 0, minor = 0]: readonly number[]): boolean {
  return major > oldestVersion[0] || (major === oldestVersion[0] && minor >= oldestVersion[1])
}
