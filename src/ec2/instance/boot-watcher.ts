import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Clock } from '../../host/clock.ts'
import { keepTail } from '../../host/keep-tail.ts'
import { machineFile, type StatePaths } from '../../host/state-paths.ts'
import type { Network } from '../ports/network.ts'
import type { Store } from '../ports/store.ts'
import type { EventBus } from '../event/event-bus.ts'
import { type CurrentBootMode, currentBootModeOf } from './boot-mode.ts'
import { markStage } from './boot-stage.ts'
import { findGuestWarnings, recordGuestWarning } from './guest-warning.ts'
import type { BootStage } from './instance.ts'
import type { InstanceRuntime } from './runtime.ts'

/** Follows a machine from its first instruction to its SSH banner, and then whether it can be reached. */
export interface BootWatcher {
  /** Watches until `signal` is aborted; returns at once. */
  watch(instanceId: string, runtime: InstanceRuntime, signal: AbortSignal): void
}

export interface BootWatcherDependencies {
  readonly store: Store
  readonly clock: Clock
  readonly paths: StatePaths
  readonly network: Network
  readonly events: EventBus
  readonly log: Logger
}

const consoleIntervalMs = 250
const retryIntervalMs = 250
/** A guest under TCG may need long to answer; one patient connection disturbs it less than many short ones. */
const bannerTimeoutMs = 60_000
const overhearingMs = 2000
const checkIntervalMs = 30_000
const sshPort = 22
/**
 * Where it is looked whether a guest can be reached, one after the other. Nothing listens at the first (discard): the guest's kernel
 * answers by itself, while a connection to its SSH server would cost it processes and a line in its log each time. The other is for guests whose own
 * firewall is silent there.
 */
const reachPlaces = [
  { port: 9, timeoutMs: 3000 },
  { port: sshPort, timeoutMs: 10_000 },
]
/** A guest that floods its console takes this much of the host's disk, and what it writes between two looks. */
const consoleLimits = { maximumBytes: 16 * 1024 ** 2, keptBytes: 1024 ** 2 }

/** The first word is that of what comes after the firmware: a BIOS says nothing on the console, UEFI says much. */
const firmwareSigns: Readonly<Record<CurrentBootMode, RegExp>> = {
  'legacy-bios': /./,
  uefi: /BdsDxe: starting |EFI stub: |Linux version|kiln: boot stage /,
}

/**
 * What the console shows when a stage has been reached: the words of Linux, systemd, cloud-init, and nano's GRUB and init. A server whose
 * boot loader says nothing reaches `firmware` together with `kernel`.
 */
const consoleSigns: readonly { stage: BootStage; sign: RegExp }[] = [
  {
    stage: 'kernel',
    sign: /Linux version|\[ *\d+\.\d{6}\]|Welcome to (?!GRUB)|systemd\[1\]|kiln: boot stage (?:kernel|network|metadata|cloud-init)/,
  },
  { stage: 'network', sign: /kiln: boot stage network/ },
  { stage: 'cloud-init', sign: /Cloud-init v\. \S+ finished at|kiln: boot stage cloud-init/ },
]

export function createBootWatcher(dependencies: BootWatcherDependencies): BootWatcher {
  const { store, clock, paths, network, events, log } = dependencies

  function mark(instanceId: string, stage: BootStage): void {
    markStage(store, instanceId, stage, clock.now())
  }

  function tellWarning(instanceId: string, warning: string): void {
    if (!recordGuestWarning(store, instanceId, warning)) return
    events.publish({
      kind: 'instance-problem',
      resourceId: instanceId,
      message: `cloud-init in ${instanceId}: ${warning}`,
    })
  }

  async function followConsole(instanceId: string, from: number, signal: AbortSignal): Promise<void> {
    const path = join(paths.machines, instanceId, machineFile.consoleLog)
    const record = store.instances.find(instanceId)
    const bootMode = record ? currentBootModeOf(record) : 'legacy-bios'
    const wanted = new Set([{ stage: 'firmware' as const, sign: firmwareSigns[bootMode] }, ...consoleSigns])
    let position = from
    let tail = ''
    let unfinishedLine = ''
    while (wanted.size > 0) {
      await clock.sleep(consoleIntervalMs, signal)
      const { text, end } = await readFrom(path, position)
      position = end
      // The end of what was read may be the beginning of a sign.
      const fresh = text.toString('latin1')
      const seen = tail + fresh
      tail = seen.slice(-200)
      const lines = (unfinishedLine + fresh).split('\n')
      unfinishedLine = lines.pop() ?? ''
      for (const warning of findGuestWarnings(lines)) tellWarning(instanceId, warning)
      for (const entry of wanted) {
        if (!entry.sign.test(seen)) continue
        wanted.delete(entry)
        mark(instanceId, entry.stage)
      }
    }
  }

  /** Tries until the guest's SSH server has greeted; on the way learns whether anything answers at the address. */
  async function waitForBanner(instanceId: string, runtime: InstanceRuntime, signal: AbortSignal): Promise<void> {
    for (;;) {
      const answer = await askBanner(instanceId, signal)
      if (signal.aborted) return
      if (answer !== 'silent') {
        mark(instanceId, 'network')
        runtime.checks = { system: 'ok', instance: 'ok' }
      }
      if (answer === 'greeted') {
        mark(instanceId, 'ssh')
        return
      }
      await clock.sleep(retryIntervalMs, signal)
    }
  }

  async function askBanner(instanceId: string, signal: AbortSignal): Promise<'greeted' | 'answered' | 'silent'> {
    const record = store.instances.find(instanceId)
    if (!record) return 'silent'
    // A guest that greets two at the same time greets both late.
    const patience = AbortSignal.any([signal, AbortSignal.timeout(overhearingMs)])
    const heard = await network.overhear(record.vpcId, record.privateIp, sshPort, patience)
    if (heard) return isGreeting(heard) ? 'greeted' : 'answered'
    const attempt = AbortSignal.any([signal, AbortSignal.timeout(bannerTimeoutMs)])
    try {
      const socket = await network.dial(record.vpcId, record.privateIp, sshPort, attempt)
      try {
        return await new Promise((resolve) => {
          socket.once('data', (data) => resolve(isGreeting(data) ? 'greeted' : 'answered'))
          socket.once('close', () => resolve('answered'))
          socket.once('error', () => resolve('answered'))
          attempt.addEventListener('abort', () => resolve('answered'), { once: true })
        })
      } finally {
        socket.destroy()
      }
    } catch (error) {
      return isRefusal(error) ? 'answered' : 'silent'
    }
  }

  async function keepChecking(instanceId: string, runtime: InstanceRuntime, signal: AbortSignal): Promise<void> {
    for (;;) {
      await clock.sleep(checkIntervalMs, signal)
      await boundConsole(instanceId)
      const state = await runtime.machine?.queryState()
      const system = state === 'unresponsive' || state === undefined ? 'impaired' : 'ok'
      if (runtime.checks.instance === 'initializing') {
        runtime.checks = { system, instance: 'initializing' }
        continue
      }
      const answer = await askReachable(instanceId, signal)
      if (signal.aborted) return
      runtime.checks =
        answer === 'silent'
          ? { system, instance: 'impaired', impairedSince: runtime.checks.impairedSince ?? clock.now() }
          : { system, instance: 'ok' }
    }
  }

  async function boundConsole(instanceId: string): Promise<void> {
    try {
      const isCut = await keepTail(join(paths.machines, instanceId, machineFile.consoleLog), consoleLimits)
      if (isCut) log.warn({ instanceId }, 'the guest floods its console: only the end of the log was kept')
    } catch (error) {
      log.warn({ instanceId, err: error }, 'the console log could not be cut')
    }
  }

  async function askReachable(instanceId: string, signal: AbortSignal): Promise<'answered' | 'silent'> {
    const record = store.instances.find(instanceId)
    if (!record) return 'silent'
    for (const { port, timeoutMs } of reachPlaces) {
      try {
        const attempt = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
        const socket = await network.dial(record.vpcId, record.privateIp, port, attempt)
        socket.destroy()
        return 'answered'
      } catch (error) {
        if (isRefusal(error)) return 'answered'
      }
    }
    return 'silent'
  }

  function runUntilAborted(instanceId: string, signal: AbortSignal, work: Promise<void>): void {
    work.catch((error: unknown) => {
      if (!signal.aborted) log.warn({ instanceId, err: error }, 'boot watch ended early')
    })
  }

  return {
    watch: (instanceId, runtime, signal) => {
      const boot = store.instances.find(instanceId)?.boot
      if (boot?.stages['cloud-init'] === undefined) {
        runUntilAborted(instanceId, signal, followConsole(instanceId, boot?.consoleStart ?? 0, signal))
      }
      runUntilAborted(instanceId, signal, waitForBanner(instanceId, runtime, signal))
      runUntilAborted(instanceId, signal, keepChecking(instanceId, runtime, signal))
    },
  }
}

/** The port is closed, but somebody is there to say so. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED'
}

/** What a file has from a position on, at most 1 MiB; from its beginning when it was cut short meanwhile. */
async function readFrom(path: string, position: number): Promise<{ text: Buffer; end: number }> {
  const file = await open(path, 'r').catch(() => undefined)
  if (!file) return { text: Buffer.alloc(0), end: position }
  try {
    const { size } = await file.stat()
    const start = size < position ? 0 : position
    const buffer = Buffer.alloc(Math.min(size - start, 1024 ** 2))
    const { bytesRead } = await file.read(buffer, 0, buffer.length, start)
    return { text: buffer.subarray(0, bytesRead), end: start + bytesRead }
  } finally {
    await file.close()
  }
}

function isGreeting(data: Buffer): boolean {
  return data.toString('latin1').startsWith('SSH-')
}
