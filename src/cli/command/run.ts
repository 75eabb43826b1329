import { readFile } from 'node:fs/promises'
import { type Command, Option } from 'commander'
import { OperationError, type OperationInput } from '../../api/contract.ts'
import { ensurePrivateDirectory, writeFileAtomic } from '../../host/files.ts'
import { fastLaunchTag, type FastLaunchTagValue, fastLaunchTagValues } from '../../ec2/fast-launch/fast-launch-tag.ts'
import { bridgeTag } from '../../ec2/instance/bridge-tag.ts'
import { defaultTypeFor } from '../../ec2/instance-type/default-type.ts'
import type { KilnClient } from '../client.ts'
import { CliError, exitCode } from '../failure.ts'
import { readTagOption } from '../tag-option.ts'
import { addExamples } from '../help.ts'
import { readInput } from '../input.ts'
import { communityNameOf, pullCommunityImage } from '../resolve/community-image.ts'
import { type ImageRecord, resolveImage } from '../resolve/image.ts'
import { listInstances } from '../resolve/instance.ts'
import { listInstanceTypes } from '../resolve/instance-type.ts'
import { resolveKeyPair } from '../resolve/key-pair.ts'
import { resolveGroupIds } from '../resolve/security-group.ts'
import { addOutputOption, clientOf, collect, integerBetween, note, type OutputFormat, printAnswer } from '../session.ts'
import { say, type Session } from '../session.ts'
import { keyFileOf } from '../ssh-access.ts'
import { waitForBoot, type WaitGoal, waitGoals } from '../wait.ts'

interface RunOptions {
  name?: string
  type?: string
  count: number
  key: string
  sg?: string[]
  userData?: string
  disk?: number
  tag?: string[]
  subnet?: string
  privateIp?: string
  bridge?: string[]
  fastLaunch?: FastLaunchTagValue
  ipv6?: string[]
  ipv6Count?: number
  terminationProtection?: boolean
  stopProtection?: boolean
  shutdown?: 'stop' | 'terminate'
  wait?: WaitGoal
  output: OutputFormat
}

const maximumUserDataBytes = 16 * 1024
const defaultGroupName = 'kiln-default'

/** `kiln run` */
export function defineRun(command: Command, session: Session): void {
  command
    .argument('<image>', 'id or name; or community/name, which is pulled first')
    .option('--name <name>', 'Name tag')
    .option('--type <type>', 't3.micro, or t4g.micro for arm64, when absent')
    .option('--count <number>', 'how many', integerBetween(1, 1000), 1)
    .option('--key <key>', 'key pair, by id or name; kiln is made when it is missing', 'kiln')
    .option('--sg <group>', 'security group, by id or name; repeatable; kiln-default when absent', collect)
    .option('--user-data <file>', 'at most 16 KB; - for standard input')
    .option('--disk <gib>', 'size of the root disk', integerBetween(1, 16_384))
    .option('--tag <key=value>', 'repeatable', collect)
    .option('--subnet <id>', 'the default one of a zone when absent')
    .option('--private-ip <address>', 'one that is free in the subnet')
    .option('--bridge <name>', 'put it on a bridge of the host too; repeatable; see docs/guides/bridged.md', collect)
    .addOption(
      new Option(
        '--fast-launch <way>',
        'off: boot it, whatever warm templates there are; wait-for-cloud-init: SSH answers only when that is done; see docs/guides/fast-launch.md',
      ).choices(fastLaunchTagValues),
    )
    .option('--ipv6 <address>', "of the subnet's IPv6 block, and free; repeatable", collect)
    .option('--ipv6-count <number>', 'how many IPv6 addresses; as the subnet says when absent', integerBetween(0, 50))
    .option('--termination-protection', 'refuse to terminate it until this is taken back')
    .option('--stop-protection', 'refuse to stop it until this is taken back')
    .addOption(new Option('--shutdown <action>', 'what its own power-off does').choices(['stop', 'terminate']))
    .addOption(new Option('--wait <goal>', 'return when this is reached').choices(waitGoals))
  addOutputOption(command).action(async (imageName: string, options: RunOptions) => {
    const client = clientOf(session)
    const image = await resolveImage(client, await bringCommunityImage(session, client, imageName))
    const input = await launchInput(session, client, image, options)
    const answer = await client.call('RunInstances', input)
    const ids = (answer.Instances ?? []).flatMap((instance) => instance.InstanceId ?? [])
    if (options.output === 'table') for (const id of ids) say(session, id)
    if (options.wait) await waitForBoot(session, client, ids, options.wait)
    if (options.output === 'table') return
    await printAnswer(session, options.output, {
      ...answer,
      Instances: await listInstances(client, { InstanceIds: ids }),
    })
  })
  addExamples(
    command,
    'kiln run nano',
    'kiln run debian-12 --name web --disk 20 --wait cloud-init',
    'kiln run nano --count 3 --type t3.small --sg web --key deploy --tag role=web',
    'kiln run nano --user-data - --output json <setup.sh',
  )
}

/** The id of a community image, pulled when it is not here; any other name as it is. */
async function bringCommunityImage(session: Session, client: KilnClient, name: string): Promise<string> {
  const community = communityNameOf(name)
  return community ? (await pullCommunityImage(session, client, community)).ImageId : name
}

/** Everything that can be wrong is found before anything is made. */
async function launchInput(
  session: Session,
  client: KilnClient,
  image: ImageRecord,
  options: RunOptions,
): Promise<OperationInput<'RunInstances'>> {
  const { count, disk, subnet, privateIp, ipv6, ipv6Count, shutdown } = options
  const userData = options.userData === undefined ? undefined : await readUserData(session, options.userData)
  const tags = [
    ...(options.tag ?? []).map(readTagOption),
    ...(options.name ? [{ Key: 'Name', Value: options.name }] : []),
    ...(options.bridge ? [{ Key: bridgeTag, Value: options.bridge.join(',') }] : []),
    ...(options.fastLaunch ? [{ Key: fastLaunchTag, Value: options.fastLaunch }] : []),
  ]
  const type = options.type ?? defaultTypeFor(image.Architecture)
  await requireType(client, type)
  const groupIds = options.sg && (await resolveGroupIds(client, options.sg))
  const keyName = await ensureKeyPair(session, client, options.key)
  return {
    ImageId: image.ImageId,
    InstanceType: type as 't3.micro',
    MinCount: count,
    MaxCount: count,
    KeyName: keyName,
    SecurityGroupIds: groupIds ?? [await ensureDefaultGroup(session, client)],
    ...(subnet ? { SubnetId: subnet } : {}),
    ...(privateIp ? { PrivateIpAddress: privateIp } : {}),
    ...(ipv6 ? { Ipv6Addresses: ipv6.map((Ipv6Address) => ({ Ipv6Address })) } : {}),
    ...(ipv6Count === undefined ? {} : { Ipv6AddressCount: ipv6Count }),
    ...(userData ? { UserData: userData } : {}),
    ...(options.terminationProtection ? { DisableApiTermination: true } : {}),
    ...(options.stopProtection ? { DisableApiStop: true } : {}),
    ...(shutdown ? { InstanceInitiatedShutdownBehavior: shutdown } : {}),
    ...(disk ? { BlockDeviceMappings: [{ DeviceName: image.RootDeviceName, Ebs: { VolumeSize: disk } }] } : {}),
    ...(tags.length > 0 ? { TagSpecifications: [{ ResourceType: 'instance', Tags: tags }] } : {}),
  }
}

async function requireType(client: KilnClient, name: string): Promise<void> {
  const known = (await listInstanceTypes(client)).flatMap((type) => type.InstanceType ?? [])
  if ((known as string[]).includes(name)) return
  const [family] = name.split('.')
  const similar = known.filter((type) => type.startsWith(`${family}.`))
  throw new CliError(`There is no instance type ${name}.`, {
    exitCode: exitCode.usage,
    hint: similar.length > 0 ? `Of that family: ${similar.join(', ')}` : 'See what there is: kiln type ls',
  })
}

/** Reads user data and checks EC2's limit before anything is made; base64 as the API wants it. */
async function readUserData(session: Session, file: string): Promise<string> {
  const content = await readInput(session, file)
  if (content.length > maximumUserDataBytes) {
    const source = file === '-' ? 'standard input' : file
    throw new CliError(`User data may have 16384 bytes; ${source} has ${content.length}.`, { exitCode: exitCode.usage })
  }
  return content.toString('base64')
}

/** The name of the key pair. `kiln` is made when there is none; any other one must be there already. */
async function ensureKeyPair(session: Session, client: KilnClient, name: string): Promise<string> {
  if (name !== 'kiln') return (await resolveKeyPair(client, name)).KeyName ?? name
  try {
    await client.call('DescribeKeyPairs', { KeyNames: [name] })
    return name
  } catch (error) {
    if (!(error instanceof OperationError) || error.code !== 'InvalidKeyPair.NotFound') throw error
  }
  const path = keyFileOf(session, name)
  await ensurePrivateDirectory(session.paths.keys)
  const kept = await readFile(path, 'utf8').catch(() => undefined)
  if (kept !== undefined) {
    // A key pair belongs to a region, its file to them all.
    const { default: sshpk } = await import('sshpk')
    const publicKey = sshpk.parsePrivateKey(kept, 'auto').toPublic().toString('ssh')
    await client.call('ImportKeyPair', { KeyName: name, PublicKeyMaterial: Buffer.from(publicKey) })
    return name
  }
  const made = await client.call('CreateKeyPair', { KeyName: name, KeyType: 'ed25519' })
  await writeFileAtomic(path, made.KeyMaterial ?? '', { mode: 0o600 })
  note(session, `Made the key pair ${name}; its private key is ${path}.`)
  return name
}

/** EC2's own default group lets nothing in from outside, so `kiln run` brings one that lets SSH in. */
async function ensureDefaultGroup(session: Session, client: KilnClient): Promise<string> {
  const vpcs = await client.call('DescribeVpcs', { Filters: [{ Name: 'is-default', Values: ['true'] }] })
  const VpcId = vpcs.Vpcs?.[0]?.VpcId
  if (!VpcId) throw new CliError('The region has no default VPC.', { hint: 'Give --subnet and --sg.' })
  const Filters = [
    { Name: 'group-name', Values: [defaultGroupName] },
    { Name: 'vpc-id', Values: [VpcId] },
  ]
  const found = (await client.call('DescribeSecurityGroups', { Filters })).SecurityGroups?.[0]?.GroupId
  if (found) return found
  const { GroupId = '' } = await client.call('CreateSecurityGroup', {
    GroupName: defaultGroupName,
    Description: 'SSH from anywhere, everything between members',
    VpcId,
  })
  try {
    await client.call('AuthorizeSecurityGroupIngress', {
      GroupId,
      IpPermissions: [
        { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '0.0.0.0/0' }] },
        { IpProtocol: '-1', UserIdGroupPairs: [{ GroupId }] },
      ],
    })
  } catch (error) {
    await client.call('DeleteSecurityGroup', { GroupId })
    throw error
  }
  note(session, `Made the security group ${defaultGroupName}: SSH from anywhere, everything between its members.`)
  return GroupId
}
