import { readFile, realpath, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Command } from 'commander'
import { ensurePrivateDirectory, writeFileAtomic } from '../../host/files.ts'
import { confirm } from '../confirm.ts'
import { CliError, exitCode } from '../failure.ts'
import { addExamples } from '../help.ts'
import { putSection, readSection, renderSection } from '../ini-section.ts'
import { clientOf, note, say, type Session } from '../session.ts'

/** `kiln aws-profile` */
export function defineAwsProfile(command: Command, session: Session): void {
  command
    .argument('[name]', 'of the profile', 'kiln')
    .option('-y, --yes', 'do not ask')
    .action(async (name: string, { yes }: { yes?: boolean }) => writeProfile(session, name, yes ?? false))
  addExamples(
    command,
    'kiln aws-profile && aws --profile kiln ec2 describe-instances',
    'kiln aws-profile staging --account 210987654321 --region eu-west-1 --yes',
  )
}

/** A section of one of the two files of AWS tools. */
interface Change {
  readonly path: string
  readonly section: string
  readonly settings: Readonly<Record<string, string>>
  readonly before: string
  readonly after: string
}

async function writeProfile(session: Session, name: string, isSure: boolean): Promise<void> {
  if (!/^[\w.@+:/-]{1,128}$/.test(name)) {
    throw new CliError('The name of a profile has letters, digits and _ . @ + : / - only.', {
      exitCode: exitCode.usage,
    })
  }
  const settings = await clientOf(session).call('KilnGetEnvironment', {})
  const changes = [
    await planChange(credentialsPath(session), name, {
      aws_access_key_id: settings.AccessKeyId,
      aws_secret_access_key: settings.SecretAccessKey,
    }),
    await planChange(configPath(session), name === 'default' ? name : `profile ${name}`, {
      region: session.region ?? settings.Region,
      endpoint_url: settings.EndpointUrl,
    }),
  ].filter(({ before, after }) => before !== after)
  if (changes.length === 0) {
    note(session, `The profile ${name} is there already.`)
    return
  }
  for (const change of changes) showChange(session, change)
  const isReplacing = changes.some(({ before, section }) => readSection(before, section) !== undefined)
  if (!isSure) {
    const question = isReplacing ? `Replace the profile ${name} that is there?` : `Write the profile ${name}?`
    await confirm(session, question, 'Nothing was written.')
  }
  for (const { path, after } of changes) {
    await write(path, after)
    say(session, path)
  }
}

/** Bytes as characters, one each: what else is in the file may be of any encoding, and is written back as it was. */
const anyEncoding = 'latin1'

async function planChange(path: string, section: string, settings: Readonly<Record<string, string>>): Promise<Change> {
  const before = await readFile(path, anyEncoding).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw new CliError(`${path} cannot be read (${error.code}).`)
  })
  return { path, section, settings, before, after: putSection(before, section, settings) }
}

/** The secret is not for the screen. */
function showChange(session: Session, { path, section, settings, before }: Change): void {
  const isReplacing = readSection(before, section) !== undefined
  note(session, isReplacing ? `In ${path}, in place of the section that is there:` : `In ${path}:`)
  const shown = { ...settings, ...('aws_secret_access_key' in settings ? { aws_secret_access_key: '********' } : {}) }
  for (const line of renderSection(section, shown).trimEnd().split('\n')) note(session, `  ${line}`)
}

/** A link stays one, and a file keeps its mode. */
async function write(path: string, content: string): Promise<void> {
  const target = await realpath(path).catch(() => path)
  const present = await stat(target).catch(() => undefined)
  try {
    await ensurePrivateDirectory(dirname(target))
    await writeFileAtomic(target, Buffer.from(content, anyEncoding), { mode: present ? present.mode & 0o777 : 0o600 })
  } catch (error) {
    throw new CliError(`${path} cannot be written (${(error as NodeJS.ErrnoException).code}).`)
  }
}

function configPath({ environment }: Session): string {
  return chosenPath(environment, 'AWS_CONFIG_FILE') ?? join(homeOf(environment), '.aws/config')
}

function credentialsPath({ environment }: Session): string {
  return chosenPath(environment, 'AWS_SHARED_CREDENTIALS_FILE') ?? join(homeOf(environment), '.aws/credentials')
}

/** AWS tools understand `~` in these. */
function chosenPath(environment: NodeJS.ProcessEnv, name: string): string | undefined {
  const chosen = environment[name]
  return chosen ? chosen.replace(/^~(?=\/|$)/, homeOf(environment)) : undefined
}

function homeOf(environment: NodeJS.ProcessEnv): string {
  return environment['HOME'] || homedir()
}
