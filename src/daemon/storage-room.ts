import { createObjectStore } from '../disk/bucket/object-store.ts'
import { createDiskHost } from '../disk/disk-host.ts'
import { createKeyring } from '../disk/keyring.ts'
import { createDescriptionRefresher, type DescriptionRefresher } from '../ec2/description/description-refresher.ts'
import { createDescriptionWriter, type DescriptionWriter } from '../ec2/description/description-writer.ts'
import { createLayerCheck, type LayerCheck } from '../ec2/layer/layer-check.ts'
import { createLayerCollector, type LayerCollector } from '../ec2/layer/layer-collector.ts'
import { createLayerFlattener, type LayerFlattener } from '../ec2/layer/layer-flattener.ts'
import type { DiskHost } from '../ec2/ports/disk.ts'
import { createLayerMaker, type LayerMaker } from '../ec2/layer/layer-maker.ts'
import type { ObjectStore } from '../ec2/ports/object-store.ts'
import { createFreezer, type Freezer } from '../ec2/snapshot/freezer.ts'
import { createLayerEncrypter, type LayerEncrypter } from '../ec2/snapshot/layer-encrypter.ts'
import { createLayerSealer, type LayerSealer } from '../ec2/snapshot/layer-sealer.ts'
import { createTierWorker, type TierWorker } from '../ec2/snapshot/tier-worker.ts'
import { type ChainRenewal, createChainRenewal } from '../ec2/volume/chain-renewal.ts'
import { createVolumeDriver, type VolumeDriver } from '../ec2/volume/volume-driver.ts'
import type { Ground } from './ground.ts'

/** Layers, snapshots and volumes, and what they say of themselves on the disk. */
export interface StorageRoom {
  readonly disks: DiskHost
  readonly objects: ObjectStore
  readonly layers: LayerCollector
  readonly layerMaker: LayerMaker
  readonly flattener: LayerFlattener
  readonly layerCheck: LayerCheck
  readonly tierWorker: TierWorker
  readonly chains: ChainRenewal
  readonly descriptions: DescriptionWriter
  readonly descriptionRefresher: DescriptionRefresher
  readonly sealer: LayerSealer
  readonly freezer: Freezer
  readonly layerEncrypter: LayerEncrypter
  readonly volumes: VolumeDriver
}

/** `wakeInstance` is called when a volume of an instance has work for its machine. */
export function createStorageRoom(ground: Ground, wakeInstance: (instanceId: string) => void): StorageRoom {
  const { store, clock, paths, events, log, configuration } = ground
  const disks = createDiskHost({
    processes: ground.diskProcesses,
    clock,
    random: ground.random,
    keyring: createKeyring(paths.keyring, ground.random),
    downloadsDirectory: paths.downloads,
    maximumVirtualBytes: configuration.images.maximumVirtualGib * 1024 ** 3,
  })
  const objects = createObjectStore({
    clock,
    buckets: configuration.buckets,
    accountId: configuration.account.id,
    credentialsPath: paths.bucketCredentials,
  })
  const layers = createLayerCollector({ store, paths, log })
  const layerMaker = createLayerMaker({ store, clock, random: ground.random, paths, disks })
  const descriptions = createDescriptionWriter({ store, paths, log })
  const chains = createChainRenewal({ store, paths, log })
  const flattener = createLayerFlattener({
    store,
    clock,
    paths,
    disks,
    descriptions,
    layers,
    log,
    maximumDepth: configuration.storage.flattenDepth,
    onShortened: (volumeIds) => {
      for (const id of volumeIds) {
        const instanceId = store.volumes.find(id)?.attachment?.instanceId
        if (instanceId === undefined) continue
        chains.expect(id)
        wakeInstance(instanceId)
      }
    },
  })
  const layerCheck = createLayerCheck({ store, clock, paths, disks, descriptions, events, log })
  const descriptionRefresher = createDescriptionRefresher({ store, clock, paths, descriptions, log })
  const tierWorker = createTierWorker({
    ...{ store, clock, random: ground.random, paths, disks, layers, log },
    descriptions: descriptionRefresher,
  })
  const sealer = createLayerSealer({ store, clock, paths, disks, descriptions, layers, flattener, events, log })
  const freezer = createFreezer({ store, paths, disks, descriptions, sealer, log })
  const layerEncrypter = createLayerEncrypter({ store, paths, disks, sealer, log })
  const volumes = createVolumeDriver({
    ...{ store, clock, paths, disks, descriptions, freezer, layers, events, log },
    wakeInstance,
  })
  return {
    disks,
    objects,
    layers,
    layerMaker,
    flattener,
    layerCheck,
    tierWorker,
    chains,
    descriptions,
    descriptionRefresher,
    sealer,
    freezer,
    layerEncrypter,
    volumes,
  }
}
