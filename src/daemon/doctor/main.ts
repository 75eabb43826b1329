import { access, constants, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { projectRoot } from '../../host/installation.ts'
import { systemClock as clock } from '../../host/clock.ts'
import { createProcessHost } from '../../host/process.ts'
import { isProcessAlive } from '../../host/process-table.ts'
import { withSystemDirectories } from '../../host/search-path.ts'
import { findStateRoot, type StatePaths, statePathsOf } from '../../host/state-paths.ts'
import { createAcceleratorProbe } from '../../machine/accelerator.ts'
import { checkAccelerator } from './accelerator.ts'
import { type Check, type HostView, runCheck } from './check.ts'
import { examineConfiguration } from './configuration.ts'
import { checkClock, checkMemory, checkNode, checkOpenFiles, checkSamePageMerging } from './host.ts'
import { checkNamespaces } from './namespaces.ts'
import { checkPackages } from './packages.ts'
import { checkEndpoint, checkLowPorts } from './ports.ts'
import { checkQemu } from './qemu.ts'
import { checkBridgedMode } from './bridged-mode.ts'
import { checkRoutedMode } from './routed-mode.ts'
import { checkState } from './state.ts'
import { checkSubordinateIds } from './subordinate-ids.ts'
import { checkWayOut } from './way-out.ts'

/**
 * A program of its own, as it must run where the daemon cannot: looks at the host and prints a JSON line (DoctorFinding) for each thing,
 * as soon as it is known. `kiln doctor` starts it. Changes nothing but the accelerator's verdict in the cache.
 */
async function main(): Promise<void> {
  const searchPath = (process.env['PATH'] = withSystemDirectories(process.env['PATH']))
  const root = findStateRoot()
  const paths = statePathsOf(root)
  const host: HostView = {
    processes: createProcessHost(),
    readText: async (path) => await readFile(path, 'utf8').catch(() => undefined),
    isUsable,
    isRoot: process.getuid?.() === 0,
    userName: userInfo().username,
    searchPath,
  }
  const configDirectory = join(projectRoot, 'config')
  const packageTable = await readFile(join(configDirectory, 'debian-packages.txt'), 'utf8')
  const { configuration, check } = await examineConfiguration({
    configDirectory,
    userPath: join(root, 'config.yaml'),
  })
  const scratch = await mkdtemp(join(tmpdir(), 'kiln-doctor-'))
  const probe = createAcceleratorProbe({
    processes: host.processes,
    log: pino({ level: 'silent' }),
    // One verdict for the daemon and for this, whoever comes first.
    cachePath: (await isUsable(paths.cache, 'write'))
      ? join(paths.cache, 'accelerator.json')
      : join(scratch, 'verdict'),
    wanted: 'auto',
    kernels: async () => [join(paths.cache, 'probe-vmlinuz'), ...(await listHostKernels())],
  })
  const checks: Check[] = [
    checkNode(process.version, loadDatabase),
    check,
    ...checkPackages(host, packageTable),
    checkQemu(host),
    checkAccelerator(probe, configuration.machines.accelerator),
    ...checkNamespaces(host),
    checkWayOut(host, clock),
    checkSubordinateIds(host),
    checkLowPorts(host),
    ...checkRoutedMode(host, configuration.network.routed),
    ...checkBridgedMode(host, configuration.network.bridges),
    checkEndpoint(host, configuration.endpoint, () => readRunningUrl(paths)),
    ...checkState(root),
    checkMemory(host),
    checkSamePageMerging(host),
    checkOpenFiles(host),
    checkClock(clock.now(), join(projectRoot, 'package.json')),
  ]
  // Interrupted, or with nobody left to read, it ends after the check under way, which takes away what it has made.
  let isInterrupted = false
  const interrupt = () => (isInterrupted = true)
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt)
  process.stdout.on('error', interrupt)
  try {
    for (const each of checks) {
      const finding = await runCheck(each)
      if (isInterrupted) break
      process.stdout.write(`${JSON.stringify(finding)}\n`)
    }
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

async function isUsable(path: string, mode: 'exists' | 'execute' | 'write'): Promise<boolean> {
  const wanted = { exists: constants.F_OK, execute: constants.X_OK, write: constants.W_OK }[mode]
  try {
    await access(path, wanted)
    return mode !== 'execute' || (await stat(path)).isFile()
  } catch {
    return false
  }
}

/** Loaded here only: doctor must run where it does not load. */
async function loadDatabase(): Promise<void> {
  const { default: Database } = await import('better-sqlite3')
  new Database(':memory:').close()
}

async function listHostKernels(): Promise<string[]> {
  const names = await readdir('/boot').catch(() => [])
  return names.filter((name) => name.startsWith('vmlinuz')).map((name) => join('/boot', name))
}

/** Endpoint of the daemon of this state directory; undefined when none runs. */
async function readRunningUrl(paths: StatePaths): Promise<string | undefined> {
  const text = await readFile(paths.daemonFile, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const told = JSON.parse(text) as { pid: number; startTicks: number; endpointUrl: string }
  return (await isProcessAlive(told)) ? told.endpointUrl : undefined
}

await main()
