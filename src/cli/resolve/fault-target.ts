import type { KilnClient } from '../client.ts'
import { CliError, exitCode } from '../failure.ts'
import { resolveInstance } from './instance.ts'
import { resolveGroup } from './security-group.ts'

/** The ids of what a fault is to be on: an id, or the name of an instance, else of a security group. Throws CliError. */
export async function resolveFaultTargets(client: KilnClient, names: readonly string[]): Promise<string[]> {
  return [...new Set(await Promise.all(names.map((name) => resolveFaultTarget(client, name))))]
}

async function resolveFaultTarget(client: KilnClient, name: string): Promise<string> {
  if (/^(i|eni|sg|subnet|vpc)-[0-9a-f]{8,17}$/.test(name)) return name
  const instance = await resolveInstance(client, name).catch(unlessMissing)
  const id = instance?.InstanceId ?? (await resolveGroup(client, name).catch(unlessMissing))?.GroupId
  if (id !== undefined) return id
  throw new CliError(`There is no instance and no security group ${name}.`, {
    exitCode: exitCode.notFound,
    hint: 'See what there is: kiln ls, kiln sg ls',
  })
}

function unlessMissing(error: unknown): undefined {
  if (error instanceof CliError && error.exitCode === exitCode.notFound) return undefined
  throw error
}
