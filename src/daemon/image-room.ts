import { homedir } from 'node:os'
import { join } from 'node:path'
import { createImageBuilder } from '../disk/build/image-builder.ts'
import { type CatalogDependencies, createCatalog } from '../disk/catalog.ts'
import { createImageWork, type ImageWork } from '../ec2/image/image-work.ts'
import { createImagePublisher, type ImagePublisher } from '../ec2/image/publisher.ts'
import type { Marketplace } from '../ec2/marketplace/marketplace.ts'
import type { Catalog, ImageBuilder } from '../ec2/ports/disk.ts'
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
  readonly builder: ImageBuilder
  readonly catalog: Catalog
  readonly publisher: ImagePublisher
  readonly imageWork: ImageWork
  readonly registry: ReturnType<typeof createRegistryHost>
  readonly registryWork: RegistryWork
  readonly marketplace: Marketplace
  readonly community: Community
}

export function createImageRoom(
  ground: Ground,
  { disks, descriptions }: StorageRoom,
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
    ...{ store, clock, random, paths, disks, events, descriptions },
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
  return {
    registry,
    registryWork,
    community: createCommunity({ store, registry, registryWork, policies, place }),
    tasks: createTaskRunner({ store, clock, paths, disks, events, log }),
    builder,
    catalog,
    publisher,
    marketplace,
    imageWork: createImageWork({
      disks,
      builder,
      catalog,
      publisher,
      onBuilt: (directory) => accelerators.offerKernel(directory),
    }),
  }
}
