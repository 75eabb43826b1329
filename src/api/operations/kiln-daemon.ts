import type { Domain } from '../../ec2/domain.ts'
import { Ec2Error } from '../../ec2/errors.ts'
import { instanceStateCodes } from '../../ec2/instance/instance.ts'
import type { CallContext } from '../../ec2/operation.ts'
import type { AnyOperation } from '../dispatch.ts'
import type { KilnDependencies } from '../kiln-dependencies.ts'
import { query } from '../kiln-operation.ts'
import type { KilnOutputs } from '../kiln-operations.ts'
import { describeEvent } from '../stream/event-stream.ts'
import { describeCapacity } from './kiln-usage.ts'

/** The daemon: how it is, how tools reach it, what has happened. */
export function kilnDaemonOperations(domain: Domain, kiln: KilnDependencies): Record<string, AnyOperation> {
  return {
    KilnGetStatus: query('KilnGetStatus', () => describeStatus(domain, kiln)),
    KilnGetEnvironment: query('KilnGetEnvironment', (context) => describeEnvironment(domain, kiln, context)),
    KilnDescribeEvents: query('KilnDescribeEvents', ({ accountId }, input) => ({
      Events: domain.events
        .readAfter(accountId, input.AfterEventNumber ?? 0, input.MaxResults ?? 1000)
        .map(describeEvent),
    })),
  }
}

async function describeStatus(domain: Domain, kiln: KilnDependencies): Promise<KilnOutputs['KilnGetStatus']> {
  const { settings, store } = domain
  const verdict = await kiln.chooseAccelerator()
  const console = kiln.serialConsole()
  const warnings = [
    ...kiln.network.warnings(),
    ...[kiln.flattener.problem()].filter((problem) => problem !== undefined),
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
    ...(console.port === 0 ? {} : { SerialConsole: { Address: console.address, Port: console.port } }),
    PublicCidr: settings.publicCidr,
    Accelerator: { Name: verdict.accelerator, IsProven: verdict.isProven, Reason: verdict.reason },
    Capacity: describeCapacity(domain),
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
