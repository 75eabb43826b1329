import './small-heap.ts'
import { readFile } from 'node:fs/promises'
import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import fsExtra from 'fs-extra'
import { daemonExit, daemonFlag } from '../api/daemon-program.ts'
import { auditedCallOf } from '../api/audited-call.ts'
import { createDispatch } from '../api/dispatch.ts'
import { operationTable } from '../api/operations/table.ts'
import { createQueryServer, type QueryServerDependencies } from '../api/query/server.ts'
import { createSocketServer } from '../api/socket/server.ts'
import { createCatalog } from '../disk/catalog.ts'
import { createDiskHost } from '../disk/disk-host.ts'
import { createImageBuilder } from '../disk/build/image-builder.ts'
import { loadModel } from '../ec2-model/model.ts'
import type { Domain, DomainSettings } from '../ec2/domain.ts'
import { Ec2Error, incorrectInstanceState } from '../ec2/errors.ts'
import { ensureAccessKey, isKnownAccount } from '../ec2/access/access-key.ts'
import { findCredential } from '../ec2/access/find-credential.ts'
import { ownerOf } from '../ec2/access/identity.ts'
import { createSessionVault } from '../ec2/access/session-vault.ts'
import { createAuditLog } from '../ec2/audit/audit-log.ts'
import { createEventBus } from '../ec2/event/event-bus.ts'
import { createDescriptionRefresher } from '../ec2/description/description-refresher.ts'
import { createDescriptionWriter } from '../ec2/description/description-writer.ts'
import { recoverRecords } from '../ec2/description/recovery.ts'
import type { Store } from '../ec2/ports/store.ts'
import { createImageWork } from '../ec2/image/image-work.ts'
import { createImagePublisher } from '../ec2/image/publisher.ts'
import { createInstanceTypeCatalog, instanceTypeFileSchema } from '../ec2/instance-type/instance-type.ts'
import { markMetadataRead } from '../ec2/instance/boot-stage.ts'
import { createBootWatcher } from '../ec2/instance/boot-watcher.ts'
import { createDiskPause } from '../ec2/instance/disk-pause.ts'
import { openConsoleLog } from '../ec2/instance/console.ts'
import { createDrivePlugging } from '../ec2/instance/drive-plugging.ts'
import { createInterfacePlugging } from '../ec2/instance/interface-plugging.ts'
import { createInstanceDriver } from '../ec2/instance/driver.ts'
import { createMachineLauncher } from '../ec2/instance/launcher.ts'
import { findInstanceMetadata } from '../ec2/instance/metadata-view.ts'
import { createInstanceReaper } from '../ec2/instance/reaper.ts'
import { findOne } from '../ec2/ids.ts'
import { createLayerCollector } from '../ec2/layer/layer-collector.ts'
import { createRegionCatalog, regionFileSchema } from '../ec2/region/region.ts'
import { createScheduleRunner } from '../ec2/schedule/schedule-runner.ts'
import { createSpotInterrupter } from '../ec2/spot/spot-interrupter.ts'
import { createTaskRunner } from '../ec2/task/task-runner.ts'
import { createFreezer } from '../ec2/snapshot/freezer.ts'
import { createLayerSealer } from '../ec2/snapshot/layer-sealer.ts'
import { createVolumeDriver } from '../ec2/volume/volume-driver.ts'
import { completeNetworks } from '../ec2/vpc/default-network.ts'
import { createNetworkDriver } from '../ec2/vpc/network-driver.ts'
import { createBallast } from '../host/ballast.ts'
import { systemClock as clock } from '../host/clock.ts'
import { ensurePrivateDirectory, freeBytes, writeFileAtomic } from '../host/files.ts'
import { createProcessHost, markVariable } from '../host/process.ts'
import { findMarkedProcesses, identifyProcess, signalProcess } from '../host/process-table.ts'
import { systemRandom as random } from '../host/random.ts'
import { withSystemDirectories } from '../host/search-path.ts'
import { findStateDirectoryProblem } from '../host/state-directory.ts'
import { findStateRoot, statePathsOf } from '../host/state-paths.ts'
import { createAcceleratorProbe } from '../machine/accelerator.ts'
import { createMachineHost } from '../machine/machine-host.ts'
import { createSerialConsoles } from '../machine/serial-console.ts'
import { createMetadataService } from '../metadata/service.ts'
import { createNetwork } from '../network/network.ts'
import { isDamagedDatabase } from '../store/database.ts'
import { openStore } from '../store/store.ts'
import { loadCatalogFile } from './catalog-file.ts'
import { loadConfiguration } from './configuration.ts'
import { listenNear, listenOn } from './listen.ts'
import { takeStateLock } from './lock.ts'
import { createLog } from './log.ts'
import { takePublicBlock } from './public-block.ts'
import { ConfigurationError, parseYamlFile } from './yaml-file.ts'

const projectRoot = join(import.meta.dirname, '..', '..')
const mib = 1024 ** 2

/** A reason not to start that the user can mend; printed without a stack. */
class StartError extends Error {
  override readonly name = 'StartError'
  readonly exitCode: number

  constructor(message: string, exitCode: number = daemonExit.failed) {
    super(message)
    this.exitCode = exitCode
  }
}

/** Constructs and wires everything, takes over what is there, and serves until told to end. */
async function main(): Promise<void> {
  const startedAt = clock.now()
  const root = findStateRoot()
  const problem = await findStateDirectoryProblem(root)
  if (problem) throw new StartError(problem)
  const paths = statePathsOf(root)
  for (const directory of [
    root,
    paths.layers,
    paths.images,
    paths.volumes,
    paths.machines,
    paths.networks,
    paths.staging,
    paths.cache,
  ]) {
    await ensurePrivateDirectory(directory)
  }
  process.env['PATH'] = withSystemDirectories(process.env['PATH'])
  // Whoever started it may have done so in a directory that goes away or that this user cannot enter.
  process.chdir(root)
  const configuration = await loadConfiguration({
    configDirectory: join(projectRoot, 'config'),
    userPath: join(root, 'config.yaml'),
  })
  const catalogFile = await loadCatalogFile({
    shippedPath: join(projectRoot, 'images/catalog.yaml'),
    userPath: paths.catalogFile,
  })
  // `kiln daemon restart` asks before it ends the daemon that runs.
  if (process.argv.includes(daemonFlag.checkConfiguration)) return
  const lock = takeStateLock(paths.lock)
  if (!lock) {
    throw new StartError(`another daemon is running with the state directory ${root}`, daemonExit.alreadyRunning)
  }
  const log = createLog(configuration.log.level, paths.log)
  const ballast = createBallast(paths.ballast, () => freeBytes(root))
  await ballast.dropIfNeeded()
  const processes = createProcessHost()
  const diskProcesses = createProcessHost({ mark: root })
  const isRoot = process.getuid?.() === 0
  const store = openDatabase(paths.database)
  const recovered = await recoverRecords({ store, paths, log })
  if (recovered)
    log.warn(recovered, 'the database was empty: records were made again from what the files say of themselves')
  ensureAccessKey({ store, random }, configuration.account.id, startedAt)
  completeNetworks({ store, random })
  const events = createEventBus({ store, clock })
  const sessions = createSessionVault(keepSecret(store, 'session-secret'))
  const audit = createAuditLog({ store, log })
  const block = await takePublicBlock({ store, events, log }, configuration.network.publicCidr, root)
  if (!block) throw new StartError('every /16 from 127.80.0.0 to 127.254.0.0 is used by another daemon: end one')

  const instanceTypes = createInstanceTypeCatalog(
    await readConfig('config/instance-types.yaml', instanceTypeFileSchema),
  )
  const regions = createRegionCatalog(await readConfig('config/regions.yaml', regionFileSchema))
  const settings: DomainSettings = {
    vCpuCapacity: Math.floor(availableParallelism() * configuration.capacity.vCpuOvercommit),
    memoryCapacityMib: Math.floor((totalmem() / mib) * configuration.capacity.memoryOvercommit),
    publicCidr: block.cidr,
    stopTimeoutMs: configuration.machines.stopTimeoutSeconds * 1000,
    rebootTimeoutMs: configuration.machines.rebootTimeoutSeconds * 1000,
    terminatedRetentionMs: configuration.machines.terminatedRetentionMinutes * 60_000,
    startAfterHostReboot: configuration.machines.startAfterHostReboot,
    quotas: configuration.quotas,
  }

  const disks = createDiskHost({
    processes: diskProcesses,
    clock,
    downloadsDirectory: paths.downloads,
    maximumVirtualBytes: configuration.images.maximumVirtualGib * 1024 ** 3,
  })
  const probeKernel = join(paths.cache, 'probe-vmlinuz')
  const accelerators = createAcceleratorProbe({
    processes,
    log,
    cachePath: join(paths.cache, 'accelerator.json'),
    wanted: configuration.machines.accelerator,
    kernels: async () => [probeKernel, ...(await listHostKernels())],
  })
  const metadata = createMetadataService({
    clock,
    random,
    tokenSecret: keepSecret(store, 'metadata-token-secret'),
    lookup: (vpcId, sourceIp) => findInstanceMetadata({ store, regions, sessions, clock }, vpcId, sourceIp),
    observe: (instanceId) => markMetadataRead(store, instanceId, clock.now()),
    onError: (error) => log.error({ err: error }, 'metadata request failed'),
  })
  const network = createNetwork({
    processes,
    clock,
    log,
    isRoot,
    networksDirectory: paths.networks,
    metadataListener: (vpcId) => metadata.listener(vpcId),
    guestApi: (vpcId) => createQueryServer({ ...queryFrontEnd, vpcId }),
    firstUnprivilegedPort: isRoot ? 1 : await readFirstUnprivilegedPort(),
  })
  const networks = createNetworkDriver({ store, network, log })
  const machines = createMachineHost({ processes, clock, log })
  const layers = createLayerCollector({ store, paths, log })
  const descriptions = createDescriptionWriter({ store, paths, log })
  const sealer = createLayerSealer({ store, clock, paths, disks, descriptions, layers, events, log })
  const freezer = createFreezer({ store, paths, disks, descriptions, sealer, log })
  const volumes = createVolumeDriver({
    store,
    clock,
    paths,
    disks,
    descriptions,
    freezer,
    layers,
    log,
    wakeInstance: (instanceId) => instances.wake(instanceId),
  })
  const launcher = createMachineLauncher({
    store,
    clock,
    paths,
    disks,
    machines,
    network,
    networks,
    volumes,
    instanceTypes,
    publicCidr: block.cidr,
    chooseAccelerator: (architecture) => accelerators.choose(architecture),
    machineTypeOf: (architecture) => (architecture === 'arm64' ? 'virt-7.2' : 'pc-q35-7.2'),
    descriptions,
    log,
  })
  const bootWatcher = createBootWatcher({ store, clock, paths, network, events, log })
  const diskPause = createDiskPause({
    clock,
    events,
    log,
    resumeFreeBytes: configuration.machines.resumeFreeMib * mib,
    freeBytes: () => disks.freeBytes(paths.volumes),
  })
  const interfaces = createInterfacePlugging({ store, clock, events, network, networks, log })
  const drives = createDrivePlugging({ store, clock, paths, events, volumes, freezer, descriptions, log })
  const instances = createInstanceDriver({
    ...settings,
    store,
    clock,
    random,
    events,
    launcher,
    bootWatcher,
    diskPause,
    drives,
    interfaces,
    log,
  })
  const tasks = createTaskRunner({ store, clock, paths, events, log })
  const builder = createImageBuilder({
    processes: diskProcesses,
    random,
    log,
    recipesDirectory: join(projectRoot, 'images/recipes'),
    cacheDirectory: join(paths.cache, 'packages'),
    debianMirror: configuration.images.debianMirror,
  })
  const catalog = createCatalog({ clock, file: catalogFile })
  const publisher = createImagePublisher({ store, clock, random, paths, disks, events, descriptions })
  const imageWork = createImageWork({
    disks,
    builder,
    catalog,
    publisher,
    onBuilt: async (directory) => {
      const kernel = join(directory, 'root/boot/vmlinuz')
      if ((await fsExtra.pathExists(probeKernel)) || !(await fsExtra.pathExists(kernel))) return
      await fsExtra.copy(kernel, probeKernel)
      accelerators.reconsider()
    },
  })
  const schedules = createScheduleRunner({
    store,
    events,
    log,
    run: async ({ accountId, region, action }, instanceId) => {
      const source = { kind: 'schedule' } as const
      const caller = { accountId, region, identity: ownerOf(accountId), source, requestId: random.uuid() }
      await dispatch(caller, action === 'start' ? 'StartInstances' : 'StopInstances', { InstanceIds: [instanceId] })
    },
  })
  const spotInterrupter = createSpotInterrupter({ store, clock, events, instances, log })
  const domain: Domain = {
    store,
    clock,
    random,
    paths,
    settings,
    instanceTypes,
    regions,
    events,
    instances,
    networks,
    volumes,
    freezer,
    layers,
    descriptionRefresher: createDescriptionRefresher({ store, paths, descriptions, log }),
    tasks,
    imageWork,
    schedules,
    sessions,
    spotInterrupter,
  }
  const model = loadModel()
  let endpointUrl = ''
  const operations = operationTable(domain, {
    network,
    disks,
    builder,
    catalog,
    chooseAccelerator: () => accelerators.choose('x86_64'),
    daemon: {
      version: (JSON.parse(await readFile(join(projectRoot, 'package.json'), 'utf8')) as { version: string }).version,
      startedAt,
      defaultRegion: configuration.account.defaultRegion,
    },
    endpointUrl: () => endpointUrl,
  })
  const dispatch = createDispatch({ domain, operations, audit, clock, log })
  const isOffered = (name: string) => operations.has(name)
  const queryFrontEnd: QueryServerDependencies = {
    model,
    dispatch,
    isOffered,
    clock,
    random,
    log,
    findCredential: (accessKeyId, token) => findCredential({ store, sessions }, accessKeyId, token, clock.now()),
  }
  const reaper = createInstanceReaper({
    store,
    clock,
    paths,
    log,
    retentionMs: settings.terminatedRetentionMs,
  })

  // Half-made things first, then what lives: adoption must find nothing that is about to go.
  for (const stray of await findMarkedProcesses(markVariable, root)) await signalProcess(stray, 'SIGKILL')
  await tasks.abandonInterrupted()
  await publisher.removeInterrupted()
  await disks.removeInterrupted(paths.layers)
  await layers.collect()
  const live = (['pending', 'running', 'stopping', 'shutting-down'] as const).flatMap((state) =>
    store.instances.listBy('state', state),
  )
  await machines.removeStrays(paths.machines, new Set(live.map(({ id }) => id)))
  await network.adopt(new Set(live.map(({ vpcId }) => vpcId)))
  // A VPC that cannot be brought to its records must not keep the daemon from managing the machines.
  await Promise.all(
    [...new Set(live.map(({ vpcId }) => vpcId))].map((vpcId) =>
      networks
        .refresh(vpcId)
        .catch((error: unknown) => log.error({ vpcId, err: error }, 'network could not be refreshed')),
    ),
  )
  await instances.adopt()
  volumes.adopt()
  sealer.resume()
  schedules.refresh()
  spotInterrupter.refresh()
  reaper.start()

  const queryServer = createQueryServer(queryFrontEnd)
  const { address, port } = configuration.endpoint
  endpointUrl = `http://${address}:${await listenNear(queryServer, address, port).catch(explainListenFailure)}`

  let isEnding = false
  const shutDown = async (options: { machines: boolean }): Promise<void> => {
    if (isEnding) return
    isEnding = true
    log.info(options, 'daemon is ending')
    queryServer.close()
    queryServer.closeAllConnections()
    socketServer.close()
    schedules.close()
    spotInterrupter.close()
    reaper.stop()
    await tasks.close()
    if (options.machines) await instances.stopAll()
    instances.close()
    await network.close()
    await fsExtra.remove(paths.daemonFile)
    await fsExtra.remove(paths.socket)
    store.close()
    block.release()
    lock.release()
    process.exit(0)
  }
  const endBy = (options: { machines: boolean }): void => {
    shutDown(options).catch((error: unknown) => {
      log.fatal({ err: error }, 'daemon could not end cleanly')
      process.exit(daemonExit.failed)
    })
  }
  const serialConsoles = createSerialConsoles()
  const socketServer = createSocketServer({
    model,
    dispatch,
    isOffered,
    random,
    log,
    events,
    accountId: configuration.account.id,
    isKnownAccount: (accountId) => isKnownAccount(store, accountId),
    defaultRegion: configuration.account.defaultRegion,
    openStream: async (caller, kind, instanceId, instancePort): Promise<Duplex> => {
      const instance = findOne('i', instanceId, (id) => store.instances.get(caller, id))
      if (kind === 'console' && !instances.runtimeOf(instance.id)?.machine) {
        throw incorrectInstanceState(instance.id, instance.state)
      }
      try {
        if (kind === 'console') return await serialConsoles.open(join(paths.machines, instance.id))
        return await network.dial(instance.vpcId, instance.privateIp, instancePort, AbortSignal.timeout(30_000))
      } catch (error) {
        const why = error instanceof Error ? error.message : 'unknown'
        const where = kind === 'console' ? 'its serial console' : `port ${instancePort}`
        throw new Ec2Error('InstanceUnreachable', `${instance.id} does not answer on ${where}: ${why}`, 502)
      }
    },
    openConsoleLog: (caller, instanceId, options) => openConsoleLog(domain, caller, instanceId, options),
    shutDown: (caller, options) => {
      audit.recordDone(auditedCallOf(caller, 'KilnShutDown', options, clock.now()), {})
      endBy(options)
    },
  })
  await fsExtra.remove(paths.socket)
  await listenOn(socketServer, { path: paths.socket })
  await fsExtra.chmod(paths.socket, 0o600)
  const identity = await identifyProcess(process.pid)
  await writeFileAtomic(
    paths.daemonFile,
    JSON.stringify({ ...identity, endpointUrl, startedAt: startedAt.toISOString() }),
  )
  // SIGHUP: the terminal of a daemon in the foreground was closed.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => endBy({ machines: false }))
  process.on('unhandledRejection', (error) => log.error({ err: error }, 'unhandled rejection'))
  log.info({ endpointUrl, root, publicCidr: block.cidr }, 'daemon is ready')
  void domain.descriptionRefresher.catchUp()
  ballast.load().catch((error: unknown) => log.warn({ err: error }, 'no ballast could be taken on board'))
}

function openDatabase(path: string): Store {
  try {
    return openStore(path)
  } catch (error) {
    if (!isDamagedDatabase(error)) throw error
    throw new StartError(
      `${path} is damaged (${error instanceof Error ? error.message : 'unknown'}). Move it and its -wal file away and start again: ` +
        'images, snapshots and volumes are then found again from their descriptions; instances, keys and groups are not.',
    )
  }
}

async function readConfig<Schema extends Parameters<typeof parseYamlFile>[2]>(name: string, schema: Schema) {
  const path = join(projectRoot, name)
  return parseYamlFile(await readFile(path, 'utf8'), path, schema)
}

function explainListenFailure(error: unknown): never {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'EADDRINUSE') throw new StartError('endpoint.port: it and the hundred ports after it are taken')
  if (code === 'EADDRNOTAVAIL') throw new StartError('endpoint.address: this host has no such address')
  if (code === 'EACCES') throw new StartError('endpoint.port: you may not listen there, take one above 1023')
  throw error
}

/** What was signed with it stays good when the daemon is started anew: metadata tokens, temporary credentials. */
function keepSecret(store: Store, name: string): Buffer {
  const known = store.settings.get(name)
  if (known) return Buffer.from(known, 'hex')
  const secret = random.bytes(32)
  store.transaction(() => store.settings.put(name, secret.toString('hex')))
  return secret
}

async function readFirstUnprivilegedPort(): Promise<number> {
  const text = await readFile('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8').catch(() => '1024')
  return Number(text)
}

async function listHostKernels(): Promise<string[]> {
  const names = await fsExtra.readdir('/boot').catch(() => [])
  return names.filter((name) => name.startsWith('vmlinuz')).map((name) => join('/boot', name))
}

try {
  await main()
} catch (error) {
  const isPlain = error instanceof StartError || error instanceof ConfigurationError
  if (!isPlain && error instanceof Error) process.stderr.write(`${error.stack}\n`)
  // From here on the text is what `kiln daemon start` shows.
  process.stderr.write(`kilnd: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(error instanceof StartError ? error.exitCode : daemonExit.failed)
}
