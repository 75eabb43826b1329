import { constants } from 'node:fs'
import { access, readFile } from 'node:fs/promises'
import { arch } from 'node:process'
import type { Logger } from 'pino'
import type { AcceleratorVerdict, Architecture } from '../ec2/ports/accelerator.ts'
import { writeFileAtomic } from '../host/files.ts'
import { CommandError, type ProcessHost } from '../host/process.ts'
import { readBootId } from '../host/process-table.ts'
import { qemuBinaryOf } from './argv.ts'

export interface AcceleratorProbeDependencies {
  readonly processes: ProcessHost
  readonly log: Logger
  /** Where the verdict is kept; it holds for one boot of the host. */
  readonly cachePath: string
  /** What the configuration asks for. */
  readonly wanted: 'auto' | 'kvm' | 'tcg'
  /** Linux kernels that may serve as proof, without an initrd; the first that can be read is tried. */
  readonly kernels: () => Promise<readonly string[]>
}

export interface AcceleratorProbe {
  /** The accelerator for machines of an architecture. The proof runs once; later calls know. */
  choose(architecture: Architecture): Promise<AcceleratorVerdict>
  /** A kernel has become available: an unproven verdict is worth another look. */
  reconsider(): void
}

/** A kernel on working KVM reaches its panic in well under a second. */
const proofTimeoutMs = 8000
/** A guest that hangs keeps a processor busy: it ends, soon after its time, when the daemon that watches it was killed, too. */
const endingByItself = ['timeout', '--signal=KILL', `${proofTimeoutMs / 1000 + 2}`] as const

export function createAcceleratorProbe(dependencies: AcceleratorProbeDependencies): AcceleratorProbe {
  let verdict: Promise<AcceleratorVerdict> | undefined
  return {
    choose: async (architecture) => {
      if (!isNative(architecture)) {
        return { accelerator: 'tcg', isProven: true, reason: `${architecture} is foreign to this host and is emulated` }
      }
      verdict ??= decide(dependencies)
      return await verdict
    },
    reconsider: () => {
      const before = verdict
      verdict = (async () => {
        const present = await before
        return present?.isProven ? present : await decide(dependencies)
      })()
    },
  }
}

async function decide(dependencies: AcceleratorProbeDependencies): Promise<AcceleratorVerdict> {
  const { wanted, cachePath, log } = dependencies
  if (wanted !== 'auto')
    return { accelerator: wanted, isProven: wanted === 'tcg', reason: `machines.accelerator is ${wanted}` }
  const bootId = await readBootId()
  const cached = await readCache(cachePath, bootId)
  if (cached) return cached
  const verdict = await prove(dependencies)
  log.info(verdict, 'accelerator chosen')
  if (verdict.isProven) await writeFileAtomic(cachePath, JSON.stringify({ bootId, verdict }))
  return verdict
}

async function readCache(path: string, bootId: string): Promise<AcceleratorVerdict | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const cached = JSON.parse(text) as { bootId: string; verdict: AcceleratorVerdict }
  return cached.bootId === bootId ? cached.verdict : undefined
}

async function prove(dependencies: AcceleratorProbeDependencies): Promise<AcceleratorVerdict> {
  const problem = (await findDeviceProblem()) ?? (await findStartProblem(dependencies.processes))
  if (problem) return { accelerator: 'tcg', isProven: true, reason: problem }
  for (const path of await dependencies.kernels()) {
    if (!(await canRead(path))) continue
    return await proveWithKernel(dependencies.processes, path)
  }
  // No kernel to try yet. A host whose processors show no virtualisation offers at best a KVM that Linux hangs on.
  const hasVirtualisation = /\b(vmx|svm)\b/.test(await readFile('/proc/cpuinfo', 'utf8').catch(() => ''))
  return hasVirtualisation
    ? { accelerator: 'kvm', isProven: false, reason: '/dev/kvm opens; no guest kernel was there to prove it' }
    : { accelerator: 'tcg', isProven: false, reason: '/dev/kvm opens, but the processor shows neither vmx nor svm' }
}

async function findDeviceProblem(): Promise<string | undefined> {
  try {
    await access('/dev/kvm', constants.R_OK | constants.W_OK)
    return undefined
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT') return 'the host has no /dev/kvm'
    return '/dev/kvm may not be opened: add yourself to its group (sudo usermod -aG kvm $USER) and log in again'
  }
}

/**
 * Where KVM is nested QEMU may not even start: on an AMD processor under a hypervisor that does not know MSR 0x10a, QEMU 7.2 sets it for
 * `-cpu host` all the same and aborts.
 */
async function findStartProblem(processes: ProcessHost): Promise<string | undefined> {
  try {
    await processes.run({
      argv: [
        ...endingByItself,
        qemuBinaryOf(nativeArchitecture()),
        ...['-nodefaults', '-no-user-config', '-display', 'none', '-accel', 'kvm', '-cpu', 'host'],
        ...['-machine', nativeArchitecture() === 'arm64' ? 'virt,gic-version=max' : 'q35', '-S', '-monitor', 'stdio'],
      ],
      input: 'quit\n',
      timeoutMs: proofTimeoutMs,
    })
    return undefined
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    return `/dev/kvm opens, but QEMU does not start with it: ${error.stderrTail.split('\n')[0]}`
  }
}

/** Runs a kernel until it panics for want of a root file system: a guest that gets there works. */
async function proveWithKernel(processes: ProcessHost, path: string): Promise<AcceleratorVerdict> {
  const commandLine = 'console=ttyS0 panic=-1 root=/dev/none'
  try {
    const { stdout } = await processes.run({
      argv: [
        ...endingByItself,
        qemuBinaryOf(nativeArchitecture()),
        ...['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none', '-accel', 'kvm', '-cpu', 'host'],
        ...['-machine', 'q35', '-m', '256', '-serial', 'stdio', '-kernel', path, '-append', commandLine],
      ],
      timeoutMs: proofTimeoutMs,
    })
    if (stdout.includes('Linux version')) {
      return { accelerator: 'kvm', isProven: true, reason: 'a Linux guest ran with KVM' }
    }
    return { accelerator: 'tcg', isProven: true, reason: 'a Linux guest on KVM ended without a word' }
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    const why = error.endedBy ? 'a Linux guest hangs on it' : error.stderrTail
    return { accelerator: 'tcg', isProven: true, reason: `/dev/kvm opens, but ${why}` }
  }
}

async function canRead(path: string): Promise<boolean> {
  try {
    await access(path, constants.R_OK)
    return true
  } catch {
    return false
  }
}

function nativeArchitecture(): Architecture {
  return arch === 'arm64' ? 'arm64' : 'x86_64'
}

function isNative(architecture: Architecture): boolean {
  return architecture === nativeArchitecture() || (architecture === 'i386' && nativeArchitecture() === 'x86_64')
}
