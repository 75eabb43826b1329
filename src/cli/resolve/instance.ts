import { isIPv6 } from 'node:net'
import type { Instance } from '@aws-sdk/client-ec2'
import type { Jsonified } from '../../api/contract.ts'
import { canonicalIpv6 } from '../../ec2/ipv6.ts'
import type { KilnClient } from '../client.ts'
import { CliError, exitCode } from '../failure.ts'

/** An instance as the daemon describes it. */
export type InstanceRecord = Jsonified<Instance>

/** EC2's states in the order of a life. */
export const instanceStates = ['pending', 'running', 'stopping', 'stopped', 'shutting-down', 'terminated'] as const

/** The Name tag of a resource. */
export function nameOf(resource: {
  Tags?: { Key?: string | undefined; Value?: string | undefined }[] | undefined
}): string | undefined {
  return resource.Tags?.find((tag) => tag.Key === 'Name')?.Value
}

/** All instances that match; every page. */
export async function listInstances(
  client: KilnClient,
  input: { InstanceIds?: string[]; Filters?: { Name: string; Values: string[] }[] } = {},
): Promise<InstanceRecord[]> {
  const found: InstanceRecord[] = []
  let token: string | undefined
  do {
    const answer = await client.call('DescribeInstances', { ...input, ...(token ? { NextToken: token } : {}) })
    for (const reservation of answer.Reservations ?? []) found.push(...(reservation.Instances ?? []))
    token = answer.NextToken
  } while (token)
  return found
}

/** The instance of an id, a Name tag or an IPv6 address. Throws CliError when there is none or more than one. */
export async function resolveInstance(client: KilnClient, name: string): Promise<InstanceRecord> {
  if (/^i-[0-9a-f]{8,17}$/.test(name)) {
    const [instance] = await listInstances(client, { InstanceIds: [name] })
    if (instance) return instance
    throw noSuchInstance(name)
  }
  if (isIPv6(name)) {
    const [instance] = await listInstances(client, {
      Filters: [{ Name: 'ipv6-address', Values: [canonicalIpv6(name) ?? name] }],
    })
    if (instance) return instance
    throw noSuchInstance(name)
  }
  // A backslash takes the meaning of EC2's wildcards away.
  const pattern = name.replace(/[*?\\]/g, '\\$&')
  const all = await listInstances(client, { Filters: [{ Name: 'tag:Name', Values: [pattern] }] })
  const live = all.filter((instance) => !['terminated', 'shutting-down'].includes(instance.State?.Name ?? ''))
  const candidates = live.length > 0 ? live : all.slice(-1)
  const [first, ...others] = candidates
  if (!first) throw noSuchInstance(name)
  if (others.length === 0) return first
  const list = candidates.map((instance) => `${instance.InstanceId} (${instance.State?.Name})`).join(', ')
  throw new CliError(`${candidates.length} instances are named ${name}: ${list}.`, {
    exitCode: exitCode.ambiguous,
    hint: 'Give the id of the one you mean.',
  })
}

/** The ids of several names or ids, in their order. */
export async function resolveInstanceIds(client: KilnClient, names: readonly string[]): Promise<string[]> {
  const instances = await Promise.all(names.map((name) => resolveInstance(client, name)))
  return [...new Set(instances.flatMap((instance) => instance.InstanceId ?? []))]
}

/** The ids of what was named, or of every instance in one of the states that `--all` means. Throws when it is neither or both. */
export async function chooseInstanceIds(
  client: KilnClient,
  names: readonly string[],
  states: readonly string[] | undefined,
): Promise<string[]> {
  if (names.length > 0 === (states !== undefined)) {
    throw new CliError('Name the instances, or give --all.', { exitCode: exitCode.usage })
  }
  if (states === undefined) return resolveInstanceIds(client, names)
  const found = await listInstances(client, { Filters: [{ Name: 'instance-state-name', Values: [...states] }] })
  return found.flatMap((instance) => instance.InstanceId ?? [])
}

/** The instance, when its machine runs; a CliError that says what to do when it does not. */
export function requireRunning(instance: InstanceRecord, name: string): InstanceRecord {
  const state = instance.State?.Name
  if (state === 'running') return instance
  throw new CliError(`${name} is ${state}, not running.`, {
    ...(state === 'stopped' ? { hint: `Start it with: kiln start ${name}` } : {}),
  })
}

function noSuchInstance(name: string): CliError {
  return new CliError(`There is no instance ${name}.`, {
    exitCode: exitCode.notFound,
    hint: 'See what there is: kiln ls',
  })
}
