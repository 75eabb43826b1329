import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { EC2Client, RunInstancesCommand, type RunInstancesCommandInput } from '@aws-sdk/client-ec2'
import type { BootStageName } from '../../src/api/kiln/instance.ts'
import { waitForImage } from '../../test/e2e/images.ts'
import { type Lab, until } from '../../test/e2e/lab.ts'
import { prepareServers } from '../../test/e2e/servers.ts'

/** A daemon with the nano image, and the few things that a measurement does with it. Calls that are measured go through the EC2 API. */
export interface BenchLab {
  readonly daemonPid: number
  readonly accelerator: 'kvm' | 'tcg'
  /** The layer that instances stand on. */
  readonly imagePath: string
  launch(): Promise<{ id: string; answeredMs: number }>
  launchMany(count: number): Promise<string[]>
  /** Seconds after the call of each of these stages, once all have been reached. */
  waitForStages(id: string, names: readonly BootStageName[]): Promise<ReadonlyMap<BootStageName, number>>
  /** Where the host offers its SSH port; undefined as long as it does not. */
  locateSsh(id: string): Promise<{ host: string; port: number } | undefined>
  stop(id: string): Promise<void>
  /** Resolves when they are gone. */
  terminate(ids: readonly string[]): Promise<void>
}

export async function prepareBench(lab: Lab): Promise<BenchLab> {
  const { TaskId: taskId } = await lab.call('KilnBuildImage', { Recipe: 'nano' })
  const imageId = await waitForImage(lab, taskId)
  const servers = await prepareServers(lab)
  const status = await lab.call('KilnGetStatus', {})
  const environment = await lab.call('KilnGetEnvironment', {})
  const client = new EC2Client({
    endpoint: environment.EndpointUrl,
    region: environment.Region,
    credentials: { accessKeyId: environment.AccessKeyId, secretAccessKey: environment.SecretAccessKey },
  })
  const located = new Map<string, { host: string; port: number }>()
  const [layer = ''] = await readdir(join(lab.home, 'layers'))

  async function run(count: number): Promise<string[]> {
    const input: RunInstancesCommandInput = {
      ImageId: imageId,
      InstanceType: 't3.nano',
      MinCount: count,
      MaxCount: count,
      KeyName: 'servers',
      SecurityGroupIds: [servers.groupId],
    }
    const { Instances: instances = [] } = await client.send(new RunInstancesCommand(input))
    return instances.map(({ InstanceId: id = '' }) => id)
  }

  return {
    daemonPid: status.Pid,
    accelerator: status.Accelerator.Name,
    imagePath: join(lab.home, 'layers', layer, 'disk.qcow2'),
    launch: async () => {
      const began = performance.now()
      const [id = ''] = await run(1)
      return { id, answeredMs: performance.now() - began }
    },
    launchMany: run,
    waitForStages: async (id, names) => {
      const reached = new Map<BootStageName, number>()
      await until(async () => {
        const { BootStages: stages } = await lab.call('KilnDescribeInstance', { InstanceId: id })
        for (const { Name, Seconds } of stages) if (Seconds !== undefined) reached.set(Name, Seconds)
        return names.every((name) => reached.has(name))
      })
      return reached
    },
    locateSsh: async (id) => {
      // Asked once: questions without end would take the processor from the server that is waited for.
      const known = located.get(id)
      if (known) return known
      const { PublicIpAddress: host } = await servers.describe(id)
      if (!host) return undefined
      const { PublicPorts: ports } = await lab.call('KilnDescribeInstance', { InstanceId: id })
      const port = ports.find(({ Port }) => Port === 22)?.HostPort
      if (port === undefined) return undefined
      located.set(id, { host, port })
      return { host, port }
    },
    stop: async (id) => {
      await servers.waitForState(id, 'running')
      await lab.call('StopInstances', { InstanceIds: [id], Force: true })
      await servers.waitForState(id, 'stopped')
    },
    terminate: async (ids) => {
      await lab.call('TerminateInstances', { InstanceIds: [...ids] })
      await Promise.all(ids.map((id) => servers.waitForState(id, 'terminated')))
    },
  }
}
