import type { _InstanceType } from '@aws-sdk/client-ec2'
import { join } from 'node:path'
import { Ec2Error } from '../errors.ts'
import type { ImageRecord } from '../image/image.ts'
import { findLoginUser } from '../image/login-user.ts'
import type { InstanceRecord } from '../instance/instance.ts'
import { GuestCommandFailed, type GuestShell } from '../ports/guest-shell.ts'
import { buildTags, type BuildContext, waitFor } from './build-context.ts'
import { buildFailed } from './build-failure.ts'
import type { BuildKey } from './build-key.ts'
import { awaitCloudInitProgram, bootIdProgram, commandOfProgram, type GuestCommand } from './guest-script.ts'

/** A server that a build has launched and is logged in to. */
export interface BuildServer {
  readonly id: string
  run(command: GuestCommand, timeoutMs: number): Promise<void>
  /** Reboots it and waits until it lets the build in again, in a new boot. */
  reboot(timeoutMs: number): Promise<void>
  stop(): Promise<void>
  terminate(): Promise<void>
}

const commandTimeoutMs = 60_000
/** Longer than a guest is given to power off. */
const stopTimeoutMs = 15 * 60_000

/** Launches a server of an image and waits until it lets the build in and cloud-init has done its part. */
export async function launchServer(
  context: BuildContext,
  image: ImageRecord,
  key: BuildKey,
  role: 'build' | 'test',
): Promise<BuildServer> {
  const { pipeline, scope, store, call, job } = context
  const { Instances: instances = [] } = await call(scope, 'RunInstances', {
    ImageId: image.id,
    InstanceType: (pipeline.instanceType ?? defaultTypeOf(image)) as _InstanceType,
    MinCount: 1,
    MaxCount: 1,
    KeyName: key.name,
    ...(pipeline.subnetId ? { SubnetId: pipeline.subnetId } : {}),
    BlockDeviceMappings: image.blockDevices.map(({ deviceName }) => ({
      DeviceName: deviceName,
      Ebs: {
        // Nothing of a build outlives it, whatever the image says of its volumes.
        DeleteOnTermination: true,
        ...(pipeline.diskGib && deviceName === image.rootDeviceName ? { VolumeSize: pipeline.diskGib } : {}),
      },
    })),
    TagSpecifications: (['instance', 'volume'] as const).map((type) => ({
      ResourceType: type,
      Tags: [...buildTags(context), { Key: 'Name', Value: `${pipeline.name} ${role} ${context.number}` }],
    })),
  })
  const { InstanceId: id = '' } = instances[0] ?? {}
  context.log.say(`Launched ${id} of ${image.id} (${image.name})`)
  const launched = findInstance(context, id)
  const shell = await context.shells.open({
    vpcId: launched.vpcId,
    privateIp: launched.privateIp,
    user: findLoginUser(context.store, image) ?? 'ec2-user',
    keyFile: key.file,
    knownHostsFile: join(job.directory, `known-hosts-${id}`),
  })
  const login = { id, shell, timeoutMs: pipeline.launchTimeoutMs }
  await awaitLogin(context, login)
  await run(context, shell, commandOfProgram(awaitCloudInitProgram), pipeline.launchTimeoutMs)

  return {
    id,
    run: (command, timeoutMs) => run(context, shell, command, timeoutMs),
    reboot: async (timeoutMs) => {
      const before = await readBootId(context, shell)
      await call(scope, 'RebootInstances', { InstanceIds: [id] })
      await awaitLogin(context, { ...login, timeoutMs }, before)
    },
    stop: async () => {
      shell.close()
      await call(scope, 'StopInstances', { InstanceIds: [id] })
      await waitForState(context, id, 'stopped')
    },
    terminate: async () => {
      shell.close()
      await call(scope, 'TerminateInstances', { InstanceIds: [id] })
      await waitFor(
        context,
        stopTimeoutMs,
        () => buildFailed(`${id} could not be terminated`),
        () => {
          const state = store.instances.find(id)?.state
          return state === undefined || state === 'terminated' ? true : undefined
        },
      )
    },
  }
}

function defaultTypeOf({ architecture }: ImageRecord): string {
  return architecture === 'arm64' ? 't4g.micro' : 't3.micro'
}

function findInstance({ store }: BuildContext, id: string): InstanceRecord {
  const instance = store.instances.find(id)
  if (!instance) throw buildFailed(`${id} is gone`)
  return instance
}

/** An instance that ends by itself, or by somebody else's hand, ends the build. */
function requireLive(context: BuildContext, id: string): InstanceRecord {
  const instance = findInstance(context, id)
  if (instance.state === 'pending' || instance.state === 'running') return instance
  throw buildFailed(`${id} is ${instance.state}: ${instance.stateReason?.message ?? 'no reason told'}`)
}

async function waitForState(context: BuildContext, id: string, state: InstanceRecord['state']): Promise<void> {
  await waitFor(
    context,
    stopTimeoutMs,
    () => buildFailed(`${id} is not ${state}`),
    () => {
      const instance = findInstance(context, id)
      if (instance.state === state) return true
      if (instance.state === 'terminated') throw buildFailed(`${id} is terminated`)
      return undefined
    },
  )
}

/** Tries until a login succeeds, in another boot than `before`. */
async function awaitLogin(
  context: BuildContext,
  { id, shell, timeoutMs }: { id: string; shell: GuestShell; timeoutMs: number },
  before?: string,
): Promise<void> {
  const endMs = context.clock.monotonicMs() + timeoutMs
  const tooLate = (why: string) =>
    buildFailed(`${id} did not let the build in within ${Math.round(timeoutMs / 1000)} s: ${why}. See: kiln logs ${id}`)
  for (;;) {
    const leftMs = endMs - context.clock.monotonicMs()
    // The boot watcher has seen an SSH server: before that a login would only wait.
    await waitFor(
      context,
      leftMs,
      () => tooLate('no SSH server has answered'),
      () => (requireLive(context, id).boot?.stages.ssh === undefined ? undefined : true),
    )
    const bootId = await readBootId(context, shell).catch((error: unknown) => {
      if (!(error instanceof GuestCommandFailed)) throw error
      if (context.clock.monotonicMs() > endMs) throw tooLate(error.message)
      return undefined
    })
    if (bootId !== undefined && bootId !== before) return
    if (context.clock.monotonicMs() > endMs) throw tooLate('it has not rebooted')
    await context.clock.sleep(500, context.job.signal)
  }
}

async function readBootId({ job }: BuildContext, shell: GuestShell): Promise<string> {
  const command = commandOfProgram(bootIdProgram)
  return (await shell.run({ ...command, timeoutMs: commandTimeoutMs, signal: job.signal })).trim()
}

async function run(
  { job, log }: BuildContext,
  shell: GuestShell,
  command: GuestCommand,
  timeoutMs: number,
): Promise<void> {
  await shell.run({ ...command, timeoutMs, signal: job.signal, onLine: (line) => log.print(line) })
}

/** Ec2Error that says why, as any other error of a call is told as it is. */
export function describeFailure(error: unknown): string {
  if (error instanceof Ec2Error || error instanceof GuestCommandFailed) return error.message
  return error instanceof Error ? error.message : String(error)
}
