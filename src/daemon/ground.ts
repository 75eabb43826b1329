import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { ensureAccessKey } from '../ec2/access/access-key.ts'
import { createSessionVault, type SessionVault } from '../ec2/access/session-vault.ts'
import { recoverRecords } from '../ec2/description/recovery.ts'
import type { DomainSettings } from '../ec2/domain.ts'
import { createEventBus, type EventBus } from '../ec2/event/event-bus.ts'
import { type ActiveKeys, createActiveKeys } from '../ec2/instance-connect/active-keys.ts'
import {
  createInstanceTypeCatalog,
  type InstanceTypeCatalog,
  instanceTypeFileSchema,
} from '../ec2/instance-type/instance-type.ts'
import type { Store } from '../ec2/ports/store.ts'
import { createRegionCatalog, type RegionCatalog, regionFileSchema } from '../ec2/region/region.ts'
import { completeNetworks } from '../ec2/vpc/default-network.ts'
import { type Clock, systemClock as clock } from '../host/clock.ts'
import { createProcessHost, type ProcessHost } from '../host/process.ts'
import { type Random, systemRandom as random } from '../host/random.ts'
import type { StatePaths } from '../host/state-paths.ts'
import { isDamagedDatabase } from '../store/database.ts'
import { openStore } from '../store/store.ts'
import type { Configuration } from './configuration.ts'
import { keepSecret } from './kept-secret.ts'
import { projectRoot } from '../host/installation.ts'
import { takePublicBlock } from './public-block.ts'
import { readSettings } from './settings.ts'
import { StartError } from './start-error.ts'
import { parseYamlFile } from './yaml-file.ts'

/** What every room of the daemon stands on. */
export interface Ground {
  readonly paths: StatePaths
  readonly configuration: Configuration
  readonly log: Logger
  readonly clock: Clock
  readonly random: Random
  readonly processes: ProcessHost
  /** Marks what it starts, so that the next daemon finds what this one left. */
  readonly diskProcesses: ProcessHost
  readonly store: Store
  readonly events: EventBus
  readonly sessions: SessionVault
  readonly activeKeys: ActiveKeys
  readonly instanceTypes: InstanceTypeCatalog
  readonly regions: RegionCatalog
  readonly settings: DomainSettings
  /** Lets go of the block of public addresses. */
  releaseBlock(): void
}

/** Opens the records, made again from the disk when they are lost, and takes a block of public addresses. Throws StartError. */
export async function layGround({
  paths,
  configuration,
  log,
}: Pick<Ground, 'paths' | 'configuration' | 'log'>): Promise<Ground> {
  const store = openRecords(paths.database)
  const recovered = await recoverRecords({ store, paths, log })
  if (recovered)
    log.warn(recovered, 'the database was empty: records were made again from what the files say of themselves')
  ensureAccessKey({ store, random }, configuration.account.id, clock.now())
  completeNetworks({ store, random })
  const events = createEventBus({ store, clock })
  const block = await takePublicBlock({ store, events, log }, configuration.network.publicCidr, paths.root)
  if (!block) throw new StartError('every /16 from 127.80.0.0 to 127.254.0.0 is used by another daemon: end one')
  return {
    paths,
    configuration,
    log,
    clock,
    random,
    processes: createProcessHost(),
    diskProcesses: createProcessHost({ mark: paths.root }),
    store,
    events,
    sessions: createSessionVault(keepSecret(store, 'session-secret')),
    activeKeys: createActiveKeys(clock),
    instanceTypes: createInstanceTypeCatalog(await readShipped('config/instance-types.yaml', instanceTypeFileSchema)),
    regions: createRegionCatalog(await readShipped('config/regions.yaml', regionFileSchema)),
    settings: readSettings(configuration, block.cidr),
    releaseBlock: () => block.release(),
  }
}

function openRecords(path: string): Store {
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

async function readShipped<Schema extends Parameters<typeof parseYamlFile>[2]>(name: string, schema: Schema) {
  const path = join(projectRoot, name)
  return parseYamlFile(await readFile(path, 'utf8'), path, schema)
}
