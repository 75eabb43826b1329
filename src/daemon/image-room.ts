import { homedir } from 'node:os'
import { join } from 'node:path'
import { createImageBuilder } from '../disk/build/image-builder.ts'
import { createImageArchive } from '../disk/image-archive.ts'
import { type CatalogDependencies, createCatalog } from '../disk/catalog.ts'
import { createImageWork, type ImageWork } from '../ec2/image/image-work.ts'
import { createImagePublisher } from '../ec2/image/publisher.ts'
import type { Marketplace } from '../ec2/marketplace/marketplace.ts'
import type { ImageArchive } from '../ec2/ports/image-archive.ts'
import type { Catalog } from '../ec2/ports/catalog.ts'
import type { ImageBuilder } from '../ec2/ports/image-builder.ts'
import { createImageExport } from '../ec2/transfer/export-work.ts'
import { createImageImport, createSnapshotImport } from '../ec2/transfer/import-work.ts'
import { createImageRestoring } from '../ec2/transfer/restore-work.ts'
import { createSourceFetcher } from '../ec2/transfer/source-fetcher.ts'
import { createImageStoring } from '../ec2/transfer/store-work.ts'
import { createTransferRunner, type TransferRunner } from '../ec2/transfer/transfer-runner.ts'
import { createTaskRunner, type TaskRunner } from '../ec2/task/task-runner.ts'
import { type Community, createCommunity } from '../ec2/registry/community.ts'
import { createRegistryWork, type RegistryWork } from '../ec2/registry/registry-work.ts'
import { isPlainHost } from '../ec2/registry/registry-policy.ts'
import { createRegistryHost } from '../oci/registry-host.ts'
import type { AcceleratorChoice } from './accelerator-choice.ts'
import type { Ground } from './ground.ts'
import { projectRoot } from '../host/installation.ts'
import { registryPolicies } from './registry-policies.ts'
import type { StorageRoom } from './storage-room.ts'

/** Where images come from, and the tasks that make them. */
export interface ImageRoom {
  readonly tasks: TaskRunner
  readonly transfers: TransferRunner
  readonly archive: ImageArchive
  readonly builder: ImageBuilder
  readonly catalog: Catalog
  readonly imageWork: ImageWork
  readonly registry: ReturnType<typeof createRegistryHost>
  readonly registryWork: RegistryWork
  readonly marketplace: Marketplace
  readonly community: Community
}

export function createImageRoom(
  ground: Ground,
  { disks, objects, layerMaker, descriptions }: StorageRoom,
  accelerators: AcceleratorChoice,
  { catalogFile, marketplace }: { catalogFile: CatalogDependencies['file']; marketplace: Marketplace },
): ImageRoom {
  const { store, clock, random, paths, events, log, configuration, settings } = ground
  const builder = createImageBuilder({
    processes: ground.diskProcesses,
    random,
    log,
    recipesDirectory: join(projectRoot, 'images/recipes'),
    cacheDirectory: join(paths.cache, 'packages'),
    debianMirror: configuration.images.debianMirror,
  })
  const catalog = createCatalog({ clock, file: catalogFile })
  const publisher = createImagePublisher({
    ...{ store, clock, random, layerMaker, events, descriptions },
    quotas: settings.quotas,
  })
  const policies = registryPolicies(configuration, paths.root)
  const registry = createRegistryHost({
    clock,
    loginsPath: paths.registryLogins,
    dockerPath: join(process.env['DOCKER_CONFIG'] ?? join(homedir(), '.docker'), 'config.json'),
    uploadsDirectory: paths.uploads,
    isPlain: (host) => isPlainHost(policies, host),
  })
  const registryWork = createRegistryWork({
    ...{ store, paths, disks, registry, clock, random, events, descriptions, policies },
    quotas: settings.quotas,
  })
  const { registry: place } = configuration.community
  const archive = createImageArchive()
  const maximumBytes = configuration.images.maximumVirtualGib * 1024 ** 3
  const shared = { store, clock, random, paths, disks, objects, layerMaker, archive, descriptions, events }
  const limits = { quotas: settings.quotas, maximumBytes }
  const fetcher = createSourceFetcher({ disks, objects, maximumBytes })
  const imports = { ...shared, ...limits, fetcher }
  const transfers = createTransferRunner({
    ...{ store, clock, paths, events, log },
    works: {
      'import-image': createImageImport(imports),
      'import-snapshot': createSnapshotImport(imports),
      'export-image': createImageExport(shared),
      'store-image': createImageStoring(shared),
      'restore-image': createImageRestoring({ ...shared, ...limits }),
    },
  })
  return {
    registry,
    registryWork,
    community: createCommunity({ store, registry, registryWork, policies, place }),
    transfers,
    archive,
    tasks: createTaskRunner({ store, clock, paths, disks, objects, events, log }),
    builder,
    catalog,
    marketplace,
    imageWork: createImageWork({
      disks,
      fetcher,
      builder,
      catalog,
      publisher,
      onBuilt: (directory) => accelerators.offerKernel(directory),
    }),
  }
}
