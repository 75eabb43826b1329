import type { IpPermission } from '@aws-sdk/client-ec2'
import type { Command } from 'commander'
import type { KilnClient } from '../client.ts'
import { CliError, exitCode } from '../failure.ts'
import { addExamples } from '../help.ts'
import { describeGroup } from '../render/security-group.ts'
import { renderSections } from '../render/sections.ts'
import { type GroupRecord, listGroups, resolveGroup, resolveGroupIds } from '../resolve/security-group.ts'
import { parseRule } from '../rule.ts'
import { addOutputOption, clientOf, collect, type OutputFormat, printAnswer, printListing } from '../session.ts'
import { note, say, type Session } from '../session.ts'

interface RuleOptions {
  from?: string[]
  fromGroup?: string[]
  egress?: boolean
  description?: string
}

/** `kiln sg …` */
export function defineSg(command: Command, session: Session): void {
  addOutputOption(command.command('ls').description('List security groups')).action(
    async ({ output }: { output: OutputFormat }) => list(session, output),
  )
  addOutputOption(command.command('describe').description('Show the rules of a security group'))
    .argument('<group>', 'id or name')
    .action(async (name: string, { output }: { output: OutputFormat }) => {
      const client = clientOf(session)
      const group = await resolveGroup(client, name)
      if (output !== 'table') return printAnswer(session, output, group)
      session.stdout.write(renderSections(describeGroup(group, await listGroups(client))))
    })
  const create = command
    .command('create')
    .description('Make a security group, which lets nothing in and everything out; prints its id')
    .argument('<name>', 'of the new group')
    .option('--description <text>', 'its name when absent')
    .option('--vpc <id>', 'the default one when absent')
    .action(async (name: string, { description, vpc }: { description?: string; vpc?: string }) => {
      const { GroupId = '' } = await clientOf(session).call('CreateSecurityGroup', {
        GroupName: name,
        Description: description ?? name,
        ...(vpc ? { VpcId: vpc } : {}),
      })
      say(session, GroupId)
    })
  addExamples(create, 'kiln sg create web --description "the web servers"')
  command
    .command('rm')
    .description('Delete security groups')
    .argument('<group...>', 'ids or names')
    .action(async (names: string[]) => {
      const client = clientOf(session)
      for (const GroupId of await resolveGroupIds(client, names)) {
        await client.call('DeleteSecurityGroup', { GroupId })
        say(session, GroupId)
      }
    })
  defineRuleCommand(command, session, 'allow', 'Let traffic through; at once, for running instances too')
  defineRuleCommand(command, session, 'revoke', 'Take a rule back')
}

function defineRuleCommand(parent: Command, session: Session, verb: 'allow' | 'revoke', description: string): void {
  const command = parent
    .command(verb)
    .description(description)
    .argument('<group>', 'id or name')
    .argument('<protocol>', 'tcp, udp, icmp, icmpv6, all or a number')
    .argument('[ports]', '80, 8000-8080 or all; for icmp its type, or type/code')
    .option('--from <cidr>', 'addresses at the other end, 0.0.0.0/0 for any, or a prefix list; repeatable', collect)
    .option('--from-group <group>', 'members of a group at the other end, by id or name; repeatable', collect)
    .option('--egress', 'traffic that leaves the instances')
  if (verb === 'allow') command.option('--description <text>', 'of the rule')
  command.action(async (name: string, protocol: string, ports: string | undefined, options: RuleOptions) => {
    const client = clientOf(session)
    if (!options.from && !options.fromGroup) {
      throw new CliError('Say who is at the other end: --from CIDR or --from-group GROUP.', {
        exitCode: exitCode.usage,
        hint: `For everybody: kiln sg ${verb} ${[name, protocol, ports].filter(Boolean).join(' ')} --from 0.0.0.0/0`,
      })
    }
    // A form that is wrong is told before anything is asked.
    const peers = { addresses: options.from ?? [], description: options.description }
    parseRule(protocol, ports, { ...peers, groupIds: [] })
    const group = await resolveGroup(client, name)
    const groupIds = await resolveGroupIds(client, options.fromGroup ?? [])
    const permission = parseRule(protocol, ports, { ...peers, groupIds })
    await changeRule(client, verb, group, permission, options.egress ?? false)
    note(session, `${verb === 'allow' ? 'Allowed' : 'Revoked'} in ${group.GroupName}.`)
  })
  addExamples(
    command,
    `kiln sg ${verb} web tcp 80 --from 0.0.0.0/0`,
    `kiln sg ${verb} web tcp 8000-8080 --from 172.31.0.0/16 --from-group lb`,
    `kiln sg ${verb} web icmp --from 0.0.0.0/0`,
    `kiln sg ${verb} web all --from 0.0.0.0/0 --egress`,
  )
}

async function changeRule(
  client: KilnClient,
  verb: 'allow' | 'revoke',
  { GroupId = '' }: GroupRecord,
  permission: IpPermission,
  isEgress: boolean,
): Promise<void> {
  const input = { GroupId, IpPermissions: [permission] }
  if (verb === 'allow') {
    await client.call(isEgress ? 'AuthorizeSecurityGroupEgress' : 'AuthorizeSecurityGroupIngress', input)
    return
  }
  const answer = await client.call(isEgress ? 'RevokeSecurityGroupEgress' : 'RevokeSecurityGroupIngress', input)
  // EC2 answers so, instead of an error, in a VPC.
  if (answer.Return === false || (answer.UnknownIpPermissions?.length ?? 0) > 0) {
    throw new CliError('The group has no such rule; nothing was changed.', {
      exitCode: exitCode.notFound,
      hint: `See its rules: kiln sg describe ${GroupId}`,
    })
  }
}

async function list(session: Session, output: OutputFormat): Promise<void> {
  const groups = await listGroups(clientOf(session))
  await printListing(session, output, {
    answer: { SecurityGroups: groups },
    rows: groups,
    empty: 'No security groups.',
    columns: [
      { title: 'NAME', value: (row) => row.GroupName },
      { title: 'ID', value: (row) => row.GroupId },
      { title: 'VPC', value: (row) => row.VpcId },
      { title: 'IN', value: (row) => countPeers(row.IpPermissions) },
      { title: 'OUT', value: (row) => countPeers(row.IpPermissionsEgress) },
      { title: 'DESCRIPTION', value: (row) => row.Description },
    ],
  })
}

/** Rules as the security group's page on EC2 counts them: one a peer. */
function countPeers(permissions: GroupRecord['IpPermissions']): number {
  return (permissions ?? []).reduce(
    (sum, { IpRanges, Ipv6Ranges, UserIdGroupPairs }) =>
      sum + (IpRanges?.length ?? 0) + (Ipv6Ranges?.length ?? 0) + (UserIdGroupPairs?.length ?? 0),
    0,
  )
}
