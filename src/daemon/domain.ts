import type { Domain, Pipelines } from '../ec2/domain.ts'
import type { Ground } from './ground.ts'
import type { Rooms } from './rooms.ts'
import type { Timetable } from './timetable.ts'

/** What operations may work with, out of all that there is. */
export function furnishDomain(
  ground: Ground,
  rooms: Rooms,
  { schedules, spotInterrupter, lifecycle }: Timetable,
  pipelines: Pipelines,
): Domain {
  const { store, clock, random, paths, settings, instanceTypes, regions, events, sessions } = ground
  const { volumes, freezer, layerEncrypter, layers, descriptionRefresher } = rooms.storage
  const { tasks, transfers, archive, imageWork, registryWork, community, marketplace } = rooms.images
  return {
    store,
    clock,
    random,
    paths,
    settings,
    instanceTypes,
    regions,
    events,
    instances: rooms.machines.instances,
    machines: rooms.machines.machines,
    networks: rooms.network.networks,
    volumes,
    freezer,
    layerEncrypter,
    layers,
    layerCheck: rooms.storage.layerCheck,
    tierWorker: rooms.storage.tierWorker,
    descriptionRefresher,
    tasks,
    transfers,
    objects: rooms.storage.objects,
    archive,
    imageWork,
    registryWork,
    marketplace,
    lifecycle,
    community,
    schedules,
    pipelines,
    sessions,
    spotInterrupter,
  }
}
