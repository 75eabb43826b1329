import fsExtra from 'fs-extra'
import { daemonExit } from '../api/daemon-program.ts'
import type { FrontDoor } from './front-door.ts'
import type { Ground } from './ground.ts'
import type { StateLock } from './lock.ts'
import type { Rooms } from './rooms.ts'
import type { Pipelines } from '../ec2/domain.ts'
import type { Timetable } from './timetable.ts'

/** What there is to be ended. */
export interface Ending {
  readonly ground: Ground
  readonly rooms: Rooms
  readonly timetable: Timetable
  readonly pipelines: Pipelines
  readonly frontDoor: FrontDoor
  readonly lock: StateLock
}

/** The way to end the daemon, which is gone through once: machines go on for the next daemon to adopt, unless they are to stop as well. */
export function createEnding(parts: Ending): (options: { machines: boolean }) => void {
  const { log } = parts.ground
  let isEnding = false
  return (options) => {
    if (isEnding) return
    isEnding = true
    log.info(options, 'daemon is ending')
    shutDown(parts, options).then(
      () => process.exit(0),
      (error: unknown) => {
        log.fatal({ err: error }, 'daemon could not end cleanly')
        process.exit(daemonExit.failed)
      },
    )
  }
}

async function shutDown(
  { ground, rooms, timetable, pipelines, frontDoor, lock }: Ending,
  options: { machines: boolean },
): Promise<void> {
  const { instances, warmTemplates, clonePool } = rooms.machines
  frontDoor.close()
  await timetable.close()
  pipelines.clock.close()
  await rooms.images.tasks.close()
  await rooms.storage.flattener.close()
  await rooms.storage.tierWorker.close()
  await rooms.images.transfers.close()
  await warmTemplates.close()
  await clonePool.close()
  if (options.machines) await instances.stopAll()
  instances.close()
  await rooms.network.flows.close()
  await rooms.network.network.close()
  await fsExtra.remove(ground.paths.daemonFile)
  await fsExtra.remove(ground.paths.socket)
  ground.store.close()
  ground.releaseBlock()
  lock.release()
}
