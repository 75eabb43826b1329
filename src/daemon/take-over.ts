import { listLiveInstances } from '../ec2/instance/live-instances.ts'
import { markVariable } from '../host/process.ts'
import { findMarkedProcesses, signalProcess } from '../host/process-table.ts'
import type { Ground } from './ground.ts'
import type { Rooms } from './rooms.ts'

/** Removes what the last daemon had begun and not finished, above all what its crash interrupted. */
export async function removeHalfMade(
  { paths }: Ground,
  { storage: { disks, layers, layerMaker, flattener }, images: { tasks, registry } }: Rooms,
): Promise<void> {
  for (const stray of await findMarkedProcesses(markVariable, paths.root)) await signalProcess(stray, 'SIGKILL')
  await tasks.abandonInterrupted()
  await layerMaker.removeInterrupted()
  await disks.removeInterrupted(paths.layers)
  await flattener.recover()
  await registry.removeForgotten()
  await layers.collect()
}

/** Takes the machines that run and the networks that they are in into this daemon's hands, and goes on with what they wait for. */
export async function adoptLiving(
  { store, paths, log }: Ground,
  {
    storage: { volumes, sealer, layerEncrypter },
    network: { network, networks },
    machines: { machines, instances, warmTemplates, clonePool },
    images: { transfers },
  }: Rooms,
): Promise<void> {
  const live = listLiveInstances(store)
  const vpcIds = new Set(live.map(({ vpcId }) => vpcId))
  await machines.removeStrays(paths.machines, new Set(live.map(({ id }) => id)))
  await clonePool.recover()
  await network.adopt(vpcIds)
  await warmTemplates.resume()
  // A VPC that cannot be brought to its records must not keep the daemon from managing the machines.
  await Promise.all(
    [...vpcIds].map((vpcId) =>
      networks
        .refresh(vpcId)
        .catch((error: unknown) => log.error({ vpcId, err: error }, 'network could not be refreshed')),
    ),
  )
  await instances.adopt()
  volumes.adopt()
  sealer.resume()
  layerEncrypter.resume()
  transfers.resume()
}
