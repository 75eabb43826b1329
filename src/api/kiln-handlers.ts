import { join } from 'node:path'
import type { Domain } from '../ec2/domain.ts'
import { Ec2Error, invalidParameterValue } from '../ec2/errors.ts'
import { findAll, findOne, newId } from '../ec2/ids.ts'
import { imageTag } from '../ec2/image/image-tag.ts'
import { requireFreeImageName, requireImageName } from '../ec2/image/image-name.ts'
import { usedCapacity } from '../ec2/instance/capacity.ts'
import { describeGuestWarnings } from '../ec2/instance/guest-warning.ts'
import { bootStages, instanceStateCodes } from '../ec2/instance/instance.ts'
import type { CallContext, MutationContext } from '../ec2/operation.ts'
import type { Catalog, DiskHost, ImageBuilder } from '../ec2/ports/disk.ts'
import type { AcceleratorVerdict } from '../ec2/ports/machine.ts'
import type { Network } from '../ec2/ports/network.ts'
import type { ScheduleRecord } from '../ec2/schedule/schedule.ts'
import { giveSpotNotice } from '../ec2/spot/spot-interrupter.ts'
import type { TaskRecord } from '../ec2/task/task.ts'
import { overlayPathOf } from '../ec2/volume/volume.ts'
import type { AnyOperation } from './dispatch.ts'
import { describeEvent } from './stream/event-stream.ts'
import { accessOperations } from './kiln-access.ts'
import { type KilnInput, mutation, query } from './kiln-operation.ts'
import type { KilnOutputs, ScheduleDescription, TaskDescription } from './kiln-operations.ts'

/** What only Kiln's own operations need. */
export interface KilnDependencies {
  readonly network: Network
  readonly disks: DiskHost
  readonly builder: ImageBuilder
  readonly catalog: Catalog
  readonly chooseAccelerator: () => Promise<AcceleratorVerdict>
  readonly daemon: { readonly version: string; readonly startedAt: Date; readonly defaultRegion: string }
  readonly endpointUrl: () => string
}

export function kilnOperations(domain: Domain, kiln: KilnDependencies): Record<string, AnyOperation> {
  return {
    KilnGetStatus: query('KilnGetStatus', () => describeStatus(domain, kiln)),
    KilnGetEnvironment: query('KilnGetEnvironment', (context) => describeEnvironment(domain, kiln, context)),
    KilnDescribeRecipes: query('KilnDescribeRecipes', async () => ({
      Recipes: (await kiln.builder.listRecipes()).map(({ name, description, architecture }) => ({
        Name: name,
        Description: description,
        Architecture: architecture,
      })),
    })),
    KilnDescribeCatalog: query('KilnDescribeCatalog', (context) => describeCatalog(domain, kiln, context)),
    KilnBuildImage: mutation('KilnBuildImage', (context, input) => {
      if (input.Name !== undefined) requireFreeImageName(domain.store, context, input.Name)
      return startTask(domain, context, 'build-image', input.Recipe, (job) =>
        domain.imageWork.build(context, { recipe: input.Recipe, name: input.Name }, job),
      )
    }),
    KilnPullImage: mutation('KilnPullImage', (context, input) => {
      kiln.catalog.find(input.CatalogName)
      if (input.Name !== undefined) requireImageName(input.Name)
      return startTask(domain, context, 'pull-image', input.CatalogName, (job) =>
        domain.imageWork.pull(context, { catalogName: input.CatalogName, name: input.Name }, job),
      )
    }),
    KilnImportImage: mutation('KilnImportImage', (context, input) => {
      requireFreeImageName(domain.store, context, input.Name)
      return startTask(domain, context, 'import-image', input.Source, (job) =>
        domain.imageWork.import(
          context,
          {
            source: input.Source,
            name: input.Name,
            description: input.Description,
            architecture: input.Architecture,
            checksum: input.Checksum,
            loginUser: input.LoginUser,
          },
          job,
        ),
      )
    }),
    KilnDescribeTasks: query('KilnDescribeTasks', (context, input) => {
      const { store } = domain
      const tasks = input.TaskIds?.length
        ? findAll('task', input.TaskIds, (id) => store.tasks.get(context, id))
        : store.tasks.list(context)
      return { Tasks: tasks.map((task) => describeTask(domain, task)) }
    }),
    KilnCancelTask: {
      ...query('KilnCancelTask', async (context, input) => {
        const task = findOne('task', input.TaskId, (id) => domain.store.tasks.get(context, id))
        await domain.tasks.cancel(task.id)
        return { Task: describeTask(domain, domain.store.tasks.get(context, task.id) ?? task) }
      }),
      isAudited: true,
    },
    KilnDescribeInstance: query('KilnDescribeInstance', (context, input) =>
      describeDetail(domain, kiln, context, input.InstanceId),
    ),
    KilnPutSchedule: mutation('KilnPutSchedule', (context, input) => putSchedule(domain, context, input)),
    KilnDescribeSchedules: query('KilnDescribeSchedules', (context) => ({
      Schedules: domain.store.schedules.list(context).map((schedule) => describeSchedule(domain, schedule)),
    })),
    KilnDeleteSchedule: mutation('KilnDeleteSchedule', (context, input) => {
      domain.store.schedules.remove(scheduleIdOf(context, input.Name))
      context.afterCommit(() => domain.schedules.refresh())
      return {}
    }),
    KilnInterruptSpotInstance: mutation('KilnInterruptSpotInstance', (context, input) => {
      const { action, time } = giveSpotNotice(domain, context, input.InstanceId, input.NoticeSeconds ?? 120)
      return { InstanceId: input.InstanceId, Action: action, Time: time }
    }),
    KilnDescribeEvents: query('KilnDescribeEvents', (_context, input) => ({
      Events: domain.events.readAfter(input.AfterEventNumber ?? 0, input.MaxResults ?? 1000).map(describeEvent),
    })),
    ...accessOperations(domain),
  }
}

async function describeStatus(domain: Domain, kiln: KilnDependencies): Promise<KilnOutputs['KilnGetStatus']> {
  const { settings, store } = domain
  const verdict = await kiln.chooseAccelerator()
  const used = usedCapacity(domain)
  const warnings = [
    ...kiln.network.warnings(),
    ...[...domain.instances.runtimes()].flatMap(({ id, problem }) => (problem ? [`${id} is ${problem}`] : [])),
  ]
  const counts: Record<string, number> = {}
  for (const state of Object.keys(instanceStateCodes)) {
    const count = store.instances.countBy('state', state)
    if (count > 0) counts[state] = count
  }
  return {
    Pid: process.pid,
    Version: kiln.daemon.version,
    StartedAt: kiln.daemon.startedAt.toISOString(),
    Health: warnings.length > 0 ? 'degraded' : 'ok',
    StateDirectory: domain.paths.root,
    EndpointUrl: kiln.endpointUrl(),
    PublicCidr: settings.publicCidr,
    Accelerator: { Name: verdict.accelerator, IsProven: verdict.isProven, Reason: verdict.reason },
    Capacity: {
      VCpus: settings.vCpuCapacity,
      UsedVCpus: used.vCpus,
      MemoryMib: settings.memoryCapacityMib,
      UsedMemoryMib: used.memoryMib,
    },
    InstanceCounts: counts,
    Warnings: warnings,
  }
}

function describeEnvironment(
  domain: Domain,
  kiln: KilnDependencies,
  context: CallContext,
): KilnOutputs['KilnGetEnvironment'] {
  const keys = domain.store.accessKeys
    .list()
    .filter(({ accountId, isEnabled }) => accountId === context.accountId && isEnabled)
  const key = keys.find(({ isReadOnly }) => !isReadOnly) ?? keys[0]
  if (!key) {
    const message = `The account ${context.accountId} has no access key that is enabled. Make one: kiln access-key create`
    throw new Ec2Error('NoSuchEntity', message, 404)
  }
  return {
    EndpointUrl: kiln.endpointUrl(),
    AccessKeyId: key.id,
    SecretAccessKey: key.secret,
    Region: kiln.daemon.defaultRegion,
    AccountId: context.accountId,
  }
}

function describeCatalog(
  { store }: Domain,
  kiln: KilnDependencies,
  context: CallContext,
): KilnOutputs['KilnDescribeCatalog'] {
  const pulled = new Map<string, string>()
  for (const { id, state } of store.images.list(context)) {
    const name = store.tags.of(id).find(({ key }) => key === imageTag.catalog)?.value
    if (state === 'available' && name !== undefined) pulled.set(name, id)
  }
  return {
    Entries: kiln.catalog.list().map(({ name, description, architecture, url, loginUser }) => {
      const imageId = pulled.get(name)
      return {
        Name: name,
        Description: description,
        Architecture: architecture,
        Url: url,
        LoginUser: loginUser,
        ...(imageId === undefined ? {} : { ImageId: imageId }),
      }
    }),
  }
}

function startTask(
  domain: Domain,
  context: MutationContext,
  kind: TaskRecord['kind'],
  subject: string,
  work: Parameters<Domain['tasks']['start']>[1],
): { TaskId: string } {
  const { accountId, region } = context
  const id = newId('task', domain.random)
  domain.store.tasks.insert({
    accountId,
    region,
    id,
    kind,
    subject,
    state: 'running',
    startedAt: context.now.toISOString(),
  })
  context.afterCommit(() => domain.tasks.start(id, work))
  return { TaskId: id }
}

function describeTask(domain: Domain, task: TaskRecord): TaskDescription {
  const progress = domain.tasks.progressOf(task.id)
  return {
    TaskId: task.id,
    Kind: task.kind,
    Subject: task.subject,
    State: task.state,
    Stage: progress?.stage ?? task.state,
    ...(progress?.doneBytes === undefined ? {} : { DoneBytes: progress.doneBytes }),
    ...(progress?.totalBytes === undefined ? {} : { TotalBytes: progress.totalBytes }),
    ...(progress?.detail === undefined ? {} : { Detail: progress.detail }),
    ...(task.imageId ? { ImageId: task.imageId } : {}),
    ...(task.note ? { Note: task.note } : {}),
    ...(task.error ? { Error: { Code: task.error.code, Message: task.error.message } } : {}),
    StartedAt: task.startedAt,
    ...(task.endedAt ? { EndedAt: task.endedAt } : {}),
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
    LoginUser:
      store.tags.of(instance.imageId).find(({ key }) => key === imageTag.loginUser)?.value ??
      store.images.find(instance.imageId)?.loginUser ??
      'ec2-user',
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

function putSchedule(
  domain: Domain,
  context: MutationContext,
  input: KilnInput<'KilnPutSchedule'>,
): { Schedule: ScheduleDescription } {
  const { store, schedules } = domain
  schedules.check({ cron: input.Cron, timeZone: input.TimeZone })
  findAll('i', input.InstanceIds, (id) => store.instances.get(context, id))
  if (/[^\x20-\x7e]/.test(input.Name))
    throw invalidParameterValue('Name', input.Name.slice(0, 80), 'Expected printable ASCII.')
  const { accountId, region } = context
  const record: ScheduleRecord = {
    accountId,
    region,
    id: scheduleIdOf(context, input.Name),
    name: input.Name,
    instanceIds: input.InstanceIds,
    action: input.Action,
    cron: input.Cron,
    ...(input.TimeZone === undefined ? {} : { timeZone: input.TimeZone }),
  }
  if (store.schedules.find(record.id)) store.schedules.replace(record)
  else store.schedules.insert(record)
  context.afterCommit(() => schedules.refresh())
  return { Schedule: describeSchedule(domain, record) }
}

function scheduleIdOf({ accountId, region }: CallContext, name: string): string {
  return `${accountId}/${region}/${name}`
}

function describeSchedule(domain: Domain, schedule: ScheduleRecord): ScheduleDescription {
  const nextRun = domain.schedules.nextRunOf(schedule.id)
  return {
    Name: schedule.name,
    InstanceIds: [...schedule.instanceIds],
    Action: schedule.action,
    Cron: schedule.cron,
    ...(schedule.timeZone ? { TimeZone: schedule.timeZone } : {}),
    ...(nextRun ? { NextRun: nextRun.toISOString() } : {}),
  }
}
