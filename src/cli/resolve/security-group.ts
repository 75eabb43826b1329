import type { SecurityGroup } from '@aws-sdk/client-ec2'
import type { Jsonified } from '../../api/contract.ts'
import type { KilnClient } from '../client.ts'
import { CliError, exitCode } from '../failure.ts'

/** A security group as the daemon describes it. */
export type GroupRecord = Jsonified<SecurityGroup>

/** All groups of the region; every page. */
export async function listGroups(client: KilnClient): Promise<GroupRecord[]> {
  const found: GroupRecord[] = []
  let token: string | undefined
  do {
    const answer = await client.call('DescribeSecurityGroups', token ? { NextToken: token } : {})
    found.push(...(answer.SecurityGroups ?? []))
    token = answer.NextToken
  } while (token)
  return found
}

/** The group of an id or a name. Throws CliError when there is none, or one in each of several VPCs. */
export async function resolveGroup(client: KilnClient, name: string): Promise<GroupRecord> {
  const groups = (await listGroups(client)).filter((group) => group.GroupId === name || group.GroupName === name)
  const [first, ...others] = groups
  if (!first) {
    throw new CliError(`There is no security group ${name}.`, {
      exitCode: exitCode.notFound,
      hint: `See what there is: kiln sg ls. Make one with: kiln sg create ${name}`,
    })
  }
  if (others.length === 0) return first
  const list = groups.map((group) => `${group.GroupId} (${group.VpcId})`).join(', ')
  throw new CliError(`${groups.length} security groups are named ${name}: ${list}.`, {
    exitCode: exitCode.ambiguous,
    hint: 'Give the id of the one you mean.',
  })
}

/** The ids of several names or ids, in their order. */
export async function resolveGroupIds(client: KilnClient, names: readonly string[]): Promise<string[]> {
  const groups = await Promise.all(names.map((name) => resolveGroup(client, name)))
  return [...new Set(groups.flatMap((group) => group.GroupId ?? []))]
}
