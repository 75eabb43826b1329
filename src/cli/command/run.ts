import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Command, Option } from 'commander'
import { OperationError } from '../../api/contract.ts'
import { ensurePrivateDirectory, writeFileAtomic } from '../../host/files.ts'
import type { KilnClient } from '../client.ts'
import { CliError, exitCode, ExitRequest } from '../failure.ts'
import { resolveImage } from '../resolve/image.ts'
import { resolveInstance } from '../resolve/instance.ts'
import { clientOf, collect, integerBetween, note, say, type Session } from '../session.ts'
import { keyFileOf } from '../ssh-access.ts'

type WaitGoal = 'running' | 'ssh' | 'cloud-init'

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
  wait?: WaitGoal
}

const maximumUserDataBytes = 16 * 1024
const pollIntervalMs = 300
const defaultGroupName = 'kiln-default'

/** `kiln run` */
export function defineRun(command: Command, session: Session): void {
  command
    .argument('<image>', 'id or name')
    .option('--name <name>', 'Name tag')
    .option('--type <type>', 't3.micro, or t4g.micro for arm64, when absent')
    .option('--count <number>', 'how many', integerBetween(1, 1000), 1)
    .option('--key <name>', 'key pair; kiln is made when it is missing', 'kiln')
    .option('--sg <id>', 'security group id, repeatable; kiln-default when absent', collect)
    .option('--user-data <file>', 'at most 16 KB')
    .option('--disk <gib>', 'size of the root disk', integerBetween(1, 16_384))
    .option('--tag <key=value>', 'repeatable', collect)
    .option('--subnet <id>')
    .addOption(new Option('--wait <goal>', 'return when this is reached').choices(['running', 'ssh', 'cloud-init']))
    .addHelpText('after', '\nExamples:\n  kiln run nano\n  kiln run debian-12 --name web --disk 20 --wait ssh')
    .action(async (imageName: string, options: RunOptions) => {
      const client = clientOf(session)
      const image = await resolveImage(client, imageName)
      const userData = options.userData === undefined ? undefined : await readUserData(options.userData)
      const tags = [
        ...(options.tag ?? []).map(parseTag),
        ...(options.name ? [{ Key: 'Name', Value: options.name }] : []),
      ]
      await ensureKeyPair(session, client, options.key)
      const groups = options.sg ?? [await ensureDefaultGroup(session, client)]
      const answer = await client.call('RunInstances', {
        ImageId: image.ImageId,
        InstanceType: (options.type ?? (image.Architecture === 'arm64' ? 't4g.micro' : 't3.micro')) as 't3.micro',
        MinCount: options.count,
        MaxCount: options.count,
        KeyName: options.key,
        SecurityGroupIds: groups,
        ...(options.subnet ? { SubnetId: options.subnet } : {}),
        ...(userData ? { UserData: userData } : {}),
        ...(options.disk
          ? { BlockDeviceMappings: [{ DeviceName: image.RootDeviceName, Ebs: { VolumeSize: options.disk } }] }
          : {}),
        ...(tags.length > 0 ? { TagSpecifications: [{ ResourceType: 'instance', Tags: tags }] } : {}),
      })
      const ids = (answer.Instances ?? []).flatMap((instance) => instance.InstanceId ?? [])
      for (const id of ids) say(session, id)
      const { wait } = options
      if (wait) await Promise.all(ids.map((id) => waitFor(session, client, id, wait)))
    })
}

/** Reads user data and checks EC2's limit before anything is made; base64 as the API wants it. */
export async function readUserData(path: string): Promise<string> {
  const content = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new CliError(`The user data file ${path} cannot be read (${error.code}).`, { exitCode: exitCode.usage })
  })
  if (content.length > maximumUserDataBytes) {
    throw new CliError(`User data may have 16384 bytes; ${path} has ${content.length}.`, { exitCode: exitCode.usage })
  }
  return content.toString('base64')
}

function parseTag(text: string): { Key: string; Value: string } {
  const end = text.indexOf('=')
  if (end < 1) throw new CliError(`A tag is key=value, not ${text}.`, { exitCode: exitCode.usage })
  return { Key: text.slice(0, end), Value: text.slice(end + 1) }
}

/** Makes the key pair `kiln` when there is none; any other one must be there already. */
async function ensureKeyPair(session: Session, client: KilnClient, name: string): Promise<void> {
  if (name !== 'kiln') return
  try {
    await client.call('DescribeKeyPairs', { KeyNames: [name] })
    return
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
    return
  }
  const made = await client.call('CreateKeyPair', { KeyName: name, KeyType: 'ed25519' })
  await writeFileAtomic(path, made.KeyMaterial ?? '', { mode: 0o600 })
  note(session, `Made the key pair ${name}; its private key is ${path}.`)
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

/** Tells each boot stage as it is reached. Has no time limit of its own: a slow guest is no failure. */
async function waitFor(session: Session, client: KilnClient, id: string, goal: WaitGoal): Promise<void> {
  const told = new Set<string>()
  for (;;) {
    const instance = await resolveInstance(client, id)
    const state = instance.State?.Name ?? 'pending'
    if (state !== 'pending' && state !== 'running') {
      throw new CliError(`${id} is ${state}: ${instance.StateReason?.Message ?? 'no reason is known'}.`)
    }
    const { BootStages } = await client.call('KilnDescribeInstance', { InstanceId: id })
    for (const stage of BootStages) {
      if (stage.Seconds === undefined || told.has(stage.Name)) continue
      told.add(stage.Name)
      note(session, `${id}  ${stage.Name} after ${stage.Seconds.toFixed(1)} s`)
    }
    if (goal === 'running' ? state === 'running' : told.has(goal)) return
    await sleep(pollIntervalMs, undefined, { signal: session.signal }).catch(() => undefined)
    if (session.signal.aborted) {
      note(session, `${id} goes on booting.`)
      throw new ExitRequest(exitCode.interrupted)
    }
  }
}
