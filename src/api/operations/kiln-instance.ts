import { join } from 'node:path'
import type { Domain } from '../../ec2/domain.ts'
import { findOne } from '../../ec2/ids.ts'
import { findLoginUser } from '../../ec2/image/login-user.ts'
import { describeGuestWarnings } from '../../ec2/instance/guest-warning.ts'
import { bootStages } from '../../ec2/instance/instance.ts'
import type { CallContext } from '../../ec2/operation.ts'
import { giveSpotNotice } from '../../ec2/spot/spot-interrupter.ts'
import { overlayPathOf } from '../../ec2/volume/volume.ts'
import type { AnyOperation } from '../dispatch.ts'
import type { KilnDependencies } from '../kiln-dependencies.ts'
import { mutation, query } from '../kiln-operation.ts'
import type { KilnOutputs } from '../kiln-operations.ts'

/** Instances: what EC2 does not tell of them, and the interruption of spot ones. */
export function kilnInstanceOperations(domain: Domain, kiln: KilnDependencies): Record<string, AnyOperation> {
  return {
    KilnDescribeInstance: query('KilnDescribeInstance', (context, input) =>
      describeDetail(domain, kiln, context, input.InstanceId),
    ),
    KilnInterruptSpotInstance: mutation('KilnInterruptSpotInstance', (context, input) => {
      const { action, time } = giveSpotNotice(domain, context, input.InstanceId, input.NoticeSeconds ?? 120)
      return { InstanceId: input.InstanceId, Action: action, Time: time }
    }),
  }
}

async function describeDetail(
  domain: Domain,
  kiln: KilnDependencies,
  context: CallContext,
  instanceId: string,
): Promise<KilnOutputs['KilnDescribeInstance']> {
  const { store, paths } = domain
  const instance = findOne('i', instanceId, (id) => store.instances.get(context, id))
  const runtime = domain.instances.runtimeOf(instance.id)
  const root = store.volumes
    .listBy('attachment.instanceId', instance.id)
    .find(({ attachment }) => attachment?.deviceName === instance.rootDeviceName)
  const rootPath = root && overlayPathOf(paths, root)
  const publicIps = store.interfaces.listBy('attachment.instanceId', instance.id).map(({ publicIp }) => publicIp)
  const image = store.images.find(instance.imageId)
  const { boot } = instance
  const problem = runtime?.problem ?? describeGuestWarnings(boot)
  return {
    InstanceId: instance.id,
    ...(boot ? { BootRequestedAt: boot.requestedAt } : {}),
    BootStages: bootStages.map((stage) => {
      const seconds = boot?.stages[stage]
      return { Name: stage, ...(seconds === undefined ? {} : { Seconds: seconds }) }
    }),
    ...(boot?.accelerator ? { Accelerator: { Name: boot.accelerator, Reason: boot.acceleratorReason ?? '' } } : {}),
    ...(runtime?.machine ? { QemuPid: runtime.machine.pid } : {}),
    LoginUser: (image && findLoginUser(store, image)) ?? 'ec2-user',
    MachineDirectory: join(paths.machines, instance.id),
    ...(root && rootPath && root.state === 'in-use'
      ? {
          RootDisk: {
            Path: rootPath,
            VirtualSizeBytes: root.sizeGib * 1024 ** 3,
            AllocatedBytes: await kiln.disks.allocatedBytes(rootPath),
          },
        }
      : {}),
    PublicPorts: kiln.network
      .publicPorts()
      .filter(({ publicIp }) => publicIps.includes(publicIp))
      .map(({ port, hostPort, problem }) => ({
        Port: port,
        ...(hostPort === undefined ? {} : { HostPort: hostPort }),
        ...(problem === undefined ? {} : { Problem: problem }),
      })),
    ...(problem ? { Problem: problem } : {}),
  }
}
