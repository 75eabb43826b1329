import { join } from 'node:path'
import { createImageBuilder } from '../disk/build/image-builder.ts'
import { type CatalogDependencies, createCatalog } from '../disk/catalog.ts'
import { createImageWork, type ImageWork } from '../ec2/image/image-work.ts'
import { createImagePublisher, type ImagePublisher } from '../ec2/image/publisher.ts'
import type { Catalog, ImageBuilder } from '../ec2/ports/disk.ts'
import { createTaskRunner, type TaskRunner } from '../ec2/task/task-runner.ts'
import type { AcceleratorChoice } from './accelerator-choice.ts'
import type { Ground } from './ground.ts'
import { projectRoot } from '../host/installation.ts'
import type { StorageRoom } from './storage-room.ts'

/** Where images come from, and the tasks that make them. */
export interface ImageRoom {
  readonly tasks: TaskRunner
  readonly builder: ImageBuilder
  readonly catalog: Catalog
  readonly publisher: ImagePublisher
  readonly imageWork: ImageWork
}

export function createImageRoom(
  ground: Ground,
  { disks, descriptions }: StorageRoom,
  accelerators: AcceleratorChoice,
  catalogFile: CatalogDependencies['file'],
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
  return {
    tasks: createTaskRunner({ store, clock, paths, disks, events, log }),
    builder,
    catalog,
    publisher,
    imageWork: createImageWork({
      disks,
      builder,
      catalog,
      publisher,
      onBuilt: (directory) => accelerators.offerKernel(directory),
    }),
  }
}
