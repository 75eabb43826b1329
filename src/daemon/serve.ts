import { join } from 'node:path'
import { daemonExit, daemonFlag } from '../api/daemon-program.ts'
import { attachProductCodes } from '../ec2/marketplace/product-image.ts'
import { createBallast } from '../host/ballast.ts'
import { systemClock as clock } from '../host/clock.ts'
import { freeBytes, writeFileAtomic } from '../host/files.ts'
import { identifyProcess } from '../host/process-table.ts'
import { loadCatalogFile } from './catalog-file.ts'
import { loadConfiguration } from './configuration.ts'
import { furnishDomain } from './domain.ts'
import { createEnding } from './ending.ts'
import { createFrontDoor } from './front-door.ts'
import { type Ground, layGround } from './ground.ts'
import { createImageRoom } from './image-room.ts'
import { takeStateLock } from './lock.ts'
import { createLog } from './log.ts'
import { createMachineRoom } from './machine-room.ts'
import { loadMarketplace } from './marketplace-catalogue.ts'
import { createNetworkRoom } from './network-room.ts'
import { openStateDirectory } from './open-state-directory.ts'
import { projectRoot } from '../host/installation.ts'
import { createPipelineRoom } from './pipeline-room.ts'
import { StartError } from './start-error.ts'
import { createStorageRoom } from './storage-room.ts'
import { adoptLiving, removeHalfMade } from './take-over.ts'
import { createTimetable } from './timetable.ts'
import { ConfigurationError } from './yaml-file.ts'

/** When callers who waited for the daemon have been answered. */
const afterStartMs = 1000
const reserveAgainMs = 10_000

/** Constructs and wires everything, takes over what is there, and serves until told to end. */
async function main(): Promise<void> {
  const startedAt = clock.now()
  const paths = await openStateDirectory()
  const configuration = await loadConfiguration({
    configDirectory: join(projectRoot, 'config'),
    userPath: join(paths.root, 'config.yaml'),
  })
  const catalogFile = await loadCatalogFile({
    shippedPath: join(projectRoot, 'images/catalog.yaml'),
    userPath: paths.catalogFile,
  })
  const marketplace = loadMarketplace(paths, configuration.marketplace.url)
  // `kiln daemon restart` asks before it ends the daemon that runs.
  if (process.argv.includes(daemonFlag.checkConfiguration)) return
  const lock = takeStateLock(paths.lock)
  if (!lock) {
    throw new StartError(`another daemon is running with the state directory ${paths.root}`, daemonExit.alreadyRunning)
  }
  const log = createLog(configuration.log.level, paths.log)
  const ballast = createBallast(paths.ballast, () => freeBytes(paths.root))
  await ballast.dropIfNeeded()

  const ground = await layGround({ paths, configuration, log })
  const storage = createStorageRoom(ground, (instanceId) => machines.instances.wake(instanceId))
  const network = await createNetworkRoom(ground, storage, (vpcId) => frontDoor.createGuestApi(vpcId))
  const machines = createMachineRoom(ground, storage, network)
  const images = createImageRoom(ground, storage, machines.accelerators, { catalogFile, marketplace })
  const timetable = createTimetable(ground, storage, machines, network, (...call) => frontDoor.dispatch(...call))
  const rooms = { storage, network, machines, images }
  const pipelines = createPipelineRoom(ground, rooms, (...call) => frontDoor.dispatch(...call))
  const domain = furnishDomain(ground, rooms, timetable, pipelines)
  const frontDoor = await createFrontDoor(ground, domain, rooms, startedAt)
  const end = createEnding({ ground, rooms, timetable, pipelines, frontDoor, lock })

  // Half-made things first, then what lives: adoption must find nothing that is about to go. Callers come in last.
  await removeHalfMade(ground, rooms)
  await adoptLiving(ground, rooms)
  attachProductCodes(ground, marketplace)
  timetable.start()
  network.flows.start()
  pipelines.works.resume()
  await pipelines.clock.start()
  const endpointUrl = await frontDoor.open(end)

  const identity = { ...(await identifyProcess(process.pid)), endpointUrl, startedAt: startedAt.toISOString() }
  await writeFileAtomic(paths.daemonFile, JSON.stringify(identity))
  // SIGHUP: the terminal of a daemon in the foreground was closed.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => end({ machines: false }))
  process.on('unhandledRejection', (error) => log.error({ err: error }, 'unhandled rejection'))
  log.info({ endpointUrl, root: paths.root, publicCidr: ground.settings.publicCidr }, 'daemon is ready')
  setTimeout(() => reserveRecords(ground), afterStartMs).unref()
  void storage.descriptionRefresher.catchUp()
  void storage.flattener.lookAll()
  storage.tierWorker.start()
  ballast.load().catch((error: unknown) => log.warn({ err: error }, 'no ballast could be taken on board'))
}

/** Until there is room. */
function reserveRecords(ground: Ground): void {
  if (!ground.store.reserveSpace()) setTimeout(() => reserveRecords(ground), reserveAgainMs).unref()
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
