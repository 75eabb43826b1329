import type { AcceleratorProbe } from '../../machine/accelerator.ts'
import { type Check, ok, problem, warning } from './check.ts'

/** KVM proven by a guest, or the reason why servers are emulated. */
export function checkAccelerator(probe: AcceleratorProbe, wanted: 'auto' | 'kvm' | 'tcg'): Check {
  return {
    name: 'Accelerator',
    run: async () => {
      if (wanted === 'tcg') return ok('tcg, as machines.accelerator says')
      const { accelerator, isProven, reason } = await probe.choose('x86_64')
      if (accelerator === 'kvm') return ok(isProven ? `kvm: ${reason}` : `kvm, not proven yet: ${reason}`)
      if (wanted === 'kvm') {
        return problem(
          `machines.accelerator is kvm, but ${reason}`,
          `${remedyFor(reason)} Or say machines.accelerator: auto.`,
        )
      }
      return warning(`tcg: servers are emulated and many times slower, because ${reason}`, remedyFor(reason))
    },
  }
}

function remedyFor(reason: string): string {
  if (reason.includes('may not be opened')) return 'sudo usermod -aG kvm $USER, then log in again.'
  if (reason.includes('no /dev/kvm')) {
    return 'Turn virtualisation on in the firmware, or nested virtualisation in the hypervisor that this host runs on; then sudo modprobe kvm_intel (or kvm_amd).'
  }
  return 'The hypervisor below this host does not virtualise faithfully: nothing to mend from inside. Emulation works.'
}
