import type { _InstanceType } from '@aws-sdk/client-ec2'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { warmImage, type WarmImage } from '../../test/e2e/fast-launch/warm-lab.ts'
import { waitForImage } from '../../test/e2e/images.ts'
import { type Lab, openLab } from '../../test/e2e/lab.ts'
import { prepareServers, type Servers } from '../../test/e2e/servers.ts'
import { waitForBanner } from '../bench/ssh-banner.ts'

const connectionPatienceMs = 10_000

/** A daemon with an image, and what measurements of launches do with it. */
export interface LaunchLab {
  readonly lab: Lab
  readonly servers: Servers
  readonly image: WarmImage
  /** Seconds from RunInstances to the banner of its SSH server at its public address, and the server. */
  readonly launch: (
    instanceType: _InstanceType,
    more?: Parameters<Servers['launch']>[1],
  ) => Promise<{ id: string; seconds: number }>
  /** The same of many that are launched by one call, each. */
  launchMany(count: number, instanceType: _InstanceType): Promise<{ ids: string[]; seconds: number[] }>
  terminate(ids: readonly string[]): Promise<void>
  /** Bytes of the host's memory that QEMU of these instances takes, shared ones by share (proc(5), smaps_rollup). */
  proportionalBytes(ids: readonly string[]): Promise<number>
  /** How long the template of that type took to make, in seconds. */
  madeInSeconds(instanceType: string): Promise<number>
}

export async function openLaunchLab(recipe: string): Promise<LaunchLab> {
  // More may be promised than the host has: idle servers take far less.
  const lab = await openLab(undefined, { configuration: 'capacity: { vCpuOvercommit: 100, memoryOvercommit: 4 }\n' })
  await lab.startDaemon()
  const { TaskId: taskId } = await lab.call('KilnBuildImage', { Recipe: recipe })
  const image = warmImage(lab, await waitForImage(lab, taskId))
  const servers = await prepareServers(lab, recipe === 'nano' ? 'ec2-user' : 'admin')

  async function locate(id: string): Promise<{ host: string; port: number } | undefined> {
    const { PublicPorts: ports } = await lab.call('KilnDescribeInstance', { InstanceId: id })
    const found = ports.find(({ Port }) => Port === 22)
    return found?.HostPort === undefined ? undefined : { host: found.PublicIp, port: found.HostPort }
  }

  async function waitFor(id: string): Promise<void> {
    let known: { host: string; port: number } | undefined
    // As a client does: one connection at a time. The guest would greet several at once, and each later.
    await waitForBanner(async () => (known ??= await locate(id)), connectionPatienceMs)
  }

  async function pidOf(id: string): Promise<number> {
    return Number(await readFile(join(lab.home, 'machines', id, 'qemu.pid'), 'utf8'))
  }

  return {
    ...{ lab, servers, image },
    launch: async (InstanceType, more = {}) => {
      const began = performance.now()
      const [id = ''] = await servers.launch(image.imageId, { InstanceType, ...more })
      await waitFor(id)
      return { id, seconds: (performance.now() - began) / 1000 }
    },
    launchMany: async (count, InstanceType) => {
      const began = performance.now()
      const ids = await servers.launch(image.imageId, { InstanceType, MinCount: count, MaxCount: count })
      const seconds = await Promise.all(
        ids.map(async (id) => {
          await waitFor(id)
          return (performance.now() - began) / 1000
        }),
      )
      return { ids, seconds }
    },
    terminate: async (ids) => {
      await lab.call('TerminateInstances', { InstanceIds: [...ids] })
      await Promise.all(ids.map((id) => servers.waitForState(id, 'terminated')))
    },
    proportionalBytes: async (ids) => {
      let bytes = 0
      for (const id of ids) {
        const rollup = await readFile(`/proc/${await pidOf(id)}/smaps_rollup`, 'utf8')
        bytes += Number(/^Pss: +(\d+) kB$/m.exec(rollup)?.[1]) * 1024
      }
      return bytes
    },
    madeInSeconds: async (instanceType) => {
      await image.waitForTemplate(instanceType)
      const { Templates: templates } = await lab.call('KilnDescribeTemplates', { ImageIds: [image.imageId] })
      return templates.find((own) => own.InstanceType === instanceType)?.MadeInSeconds ?? Number.NaN
    },
  }
}

/** Waits until servers have done all that a boot has them do, and a while longer. */
export async function settle({ servers }: LaunchLab, ids: readonly string[], ms: number): Promise<void> {
  await Promise.all(ids.map((id) => servers.waitForStage(id, 'cloud-init')))
  await new Promise((resolve) => setTimeout(resolve, ms))
}
