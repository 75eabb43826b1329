import { join } from 'node:path'
import type { Domain } from '../../ec2/domain.ts'
import { type InterfaceRecord, tapNameOf } from '../../ec2/network-interface/network-interface.ts'
import type { LaunchWay } from '../../ec2/fast-launch/fast-launch.ts'
import { findOne } from '../../ec2/ids.ts'
import { findLoginUser } from '../../ec2/image/login-user.ts'
import { describeGuestWarnings } from '../../ec2/instance/guest-warning.ts'
import { bridgedDevicesOf } from '../../ec2/instance/bridged-device.ts'
import { bootStages, type InstanceRecord } from '../../ec2/instance/instance.ts'
import { hibernateInstances } from '../../ec2/instance/change-state.ts'
import { findInstance } from '../../ec2/instance/find-instance.ts'
import { statePathOf } from '../../ec2/hibernation/hibernation.ts'
import type { StatePaths } from '../../host/state-paths.ts'
import { addressesOf } from '../../ec2/network-interface/network-interface.ts'
import type { CallContext } from '../../ec2/operation.ts'
import { cancelInstanceEvents, scheduleInstanceEvent } from '../../ec2/instance-event/schedule-event.ts'
import { giveSpotNotice, recommendRebalance } from '../../ec2/spot/spot-interrupter.ts'
import { overlayPathOf } from '../../ec2/volume/volume.ts'
import type { AnyOperation } from '../dispatch.ts'
import type { KilnDependencies } from '../kiln-dependencies.ts'
import { mutation, query } from '../kiln-operation.ts'
import type { KilnOutputs } from '../kiln-operations.ts'
import { createDroppedReadings, type DroppedReadings } from './dropped-readings.ts'

/** Instances: what EC2 does not tell of them, and what only EC2 itself does to them on EC2. */
export function kilnInstanceOperations(domain: Domain, kiln: KilnDependencies): Record<string, AnyOperation> {
  const droppedReadings = createDroppedReadings(kiln.network, domain.clock)
  return {
    KilnDescribeInstance: query('KilnDescribeInstance', (context, input) =>
      describeDetail(domain, kiln, droppedReadings, context, input.InstanceId),
    ),
    KilnSuspendInstances: mutation('KilnSuspendInstances', (context, { InstanceIds }) => ({
      StoppingInstances: hibernateInstances(
        domain,
        context,
        InstanceIds.map((id) => findInstance(domain.store, context, id)),
      ),
    })),
    KilnInterruptSpotInstance: mutation('KilnInterruptSpotInstance', (context, input) => {
      const { action, time } = giveSpotNotice(domain, context, input.InstanceId, input.NoticeSeconds ?? 120)
      return { InstanceId: input.InstanceId, Action: action, Time: time }
    }),
    KilnRecommendRebalance: mutation('KilnRecommendRebalance', (context, { InstanceId }) => ({
      InstanceId,
      NoticeTime: recommendRebalance(domain, context, InstanceId),
    })),
    KilnScheduleInstanceEvent: mutation('KilnScheduleInstanceEvent', (context, input) => {
      const { NotBeforeDeadline: deadline } = input
      const { id, code, notBefore, notAfter, notBeforeDeadline } = scheduleInstanceEvent(domain, context, {
        instanceId: input.InstanceId,
        code: input.Code,
        notBefore: new Date(input.NotBefore),
        notAfter: new Date(input.NotAfter),
        notBeforeDeadline: deadline === undefined ? undefined : new Date(deadline),
        description: input.Description,
      })
      return {
        InstanceId: input.InstanceId,
        InstanceEventId: id,
        Code: code,
        NotBefore: notBefore,
        NotAfter: notAfter,
        ...(notBeforeDeadline === undefined ? {} : { NotBeforeDeadline: notBeforeDeadline }),
      }
    }),
    KilnCancelInstanceEvents: mutation('KilnCancelInstanceEvents', (context, input) => ({
      InstanceId: input.InstanceId,
      InstanceEventIds: cancelInstanceEvents(domain, context, input.InstanceId, input.InstanceEventId).map(
        ({ id }) => id,
      ),
    })),
  }
}

async function describeDetail(
  domain: Domain,
  kiln: KilnDependencies,
  droppedReadings: DroppedReadings,
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
  const interfaces = store.interfaces.listBy('attachment.instanceId', instance.id)
  const publicIps = new Set(interfaces.flatMap(addressesOf).map(({ publicIp }) => publicIp))
  const image = store.images.find(instance.imageId)
  const { boot } = instance
  const problem = runtime?.problem ?? describeGuestWarnings(boot)
  return {
    InstanceId: instance.id,
    ...(boot ? { BootRequestedAt: boot.requestedAt } : {}),
    ...(boot?.way ? { BootWay: describeWay(boot.way) } : {}),
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
    ...describeHibernation(paths, instance),
    PublicPorts: kiln.network
      .publicPorts()
      .filter(({ publicIp }) => publicIps.has(publicIp))
      .map(({ protocol, publicIp, port, hostPort, problem }) => ({
        Protocol: protocol,
        PublicIp: publicIp,
        Port: port,
        ...(hostPort === undefined ? {} : { HostPort: hostPort }),
        ...(problem === undefined ? {} : { Problem: problem }),
      })),
    PartlyOffered: kiln.network
      .partialRanges()
      .filter(({ publicIp }) => publicIps.has(publicIp))
      .map(({ protocol, publicIp, fromPort, toPort }) => ({
        Protocol: protocol,
        PublicIp: publicIp,
        FromPort: fromPort,
        ToPort: toPort,
      })),
    ...(await describeBridges(kiln, instance)),
    ...(await describeDropped(droppedReadings, instance.vpcId, interfaces)),
    ...(problem ? { Problem: problem } : {}),
  }
}

function describeWay(way: LaunchWay): NonNullable<KilnOutputs['KilnDescribeInstance']['BootWay']> {
  if (way.kind === 'template') return { Kind: 'template', TemplateId: way.templateId, Depth: way.depth }
  return { Kind: 'boot', ...(way.reason === undefined ? {} : { Reason: way.reason }) }
}

async function describeBridges(
  { network }: KilnDependencies,
  instance: InstanceRecord,
): Promise<Pick<KilnOutputs['KilnDescribeInstance'], 'Bridges'>> {
  const devices = bridgedDevicesOf(instance)
  if (devices.length === 0) return {}
  const addresses = await network.bridgedAddresses(instance.vpcId)
  return {
    Bridges: devices.map(({ bridge, mac, tapName }) => ({
      Bridge: bridge,
      MacAddress: mac,
      Addresses: [...(addresses.get(tapName) ?? [])],
    })),
  }
}

function describeHibernation(
  paths: StatePaths,
  { id, hibernation }: InstanceRecord,
): Pick<KilnOutputs['KilnDescribeInstance'], 'Hibernation'> {
  if (!hibernation) return {}
  return {
    Hibernation: {
      SavedAt: hibernation.savedAt,
      Path: statePathOf(paths, id),
      SizeBytes: hibernation.saved.sizeBytes,
      Encrypted: hibernation.encryptionKeyId !== undefined,
    },
  }
}

async function describeDropped(
  readings: DroppedReadings,
  vpcId: string,
  interfaces: readonly InterfaceRecord[],
): Promise<Pick<KilnOutputs['KilnDescribeInstance'], 'DroppedPackets'>> {
  const dropped = await readings.read(vpcId)
  const own = interfaces.flatMap(({ id }) => dropped.get(tapNameOf(id)) ?? [])
  if (own.length === 0) return {}
  return {
    DroppedPackets: {
      Forged: own.reduce((sum, { forged }) => sum + forged, 0),
      Flood: own.reduce((sum, { flood }) => sum + flood, 0),
    },
  }
}
