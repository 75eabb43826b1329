import type { Domain, Pipelines } from '../ec2/domain.ts'
import { createActiveKeys } from '../ec2/instance-connect/active-keys.ts'
import { createSerialSessions } from '../ec2/instance-connect/serial-sessions.ts'
import type { Ground } from './ground.ts'
import type { Rooms } from './rooms.ts'
import type { Timetable } from './timetable.ts'

/** What operations may work with, out of all that there is. */
export function furnishDomain(
  ground: Ground,
  rooms: Rooms,
  { schedules, spotInterrupter, eventRunner, lifecycle, faults }: Timetable,
  pipelines: Pipelines,
): Domain {
  const { store, clock, random, paths, settings, instanceTypes, regions, events, sessions, activeKeys } = ground
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
    warmTemplates: rooms.machines.warmTemplates,
    clonePool: rooms.machines.clonePool,
    networks: rooms.network.networks,
    flows: rooms.network.flows,
    flowWatch: rooms.network.flowWatch,
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
    activeKeys,
    serialConsoleKeys: createActiveKeys(clock),
    serialSessions: createSerialSessions(),
    spotInterrupter,
    faults,
    eventRunner,
  }
}
