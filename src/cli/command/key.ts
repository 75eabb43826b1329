import { open, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { KeyPairInfo } from '@aws-sdk/client-ec2'
import { type Command, Option } from 'commander'
import type { Jsonified } from '../../api/contract.ts'
import { ensurePrivateDirectory } from '../../host/files.ts'
import { CliError, exitCode } from '../failure.ts'
import { addExamples } from '../help.ts'
import { readInput } from '../input.ts'
import { renderAge } from '../render/duration.ts'
import { resolveKeyPair } from '../resolve/key-pair.ts'
import { addOutputOption, clientOf, note, type OutputFormat, printListing, say, type Session } from '../session.ts'
import { canRead, keyFileOf } from '../ssh-access.ts'
import { systemClock } from '../../host/clock.ts'

/** `kiln key …` */
export function defineKey(command: Command, session: Session): void {
  addOutputOption(command.command('ls').description('List key pairs')).action(
    async ({ output }: { output: OutputFormat }) => list(session, output),
  )
  const create = command
    .command('create')
    .description('Make a key pair; prints where its private key is')
    .argument('<name>', 'of the new key pair')
    .addOption(new Option('--type <type>', 'kind of key').choices(['ed25519', 'rsa']).default('ed25519'))
    .option('--out <file>', 'where to write the private key; where kiln ssh looks for it when absent')
    .action(async (name: string, options: { type: 'ed25519' | 'rsa'; out?: string }) => make(session, name, options))
  addExamples(create, 'kiln key create deploy', 'kiln key create deploy --type rsa --out ~/.ssh/deploy.pem')
  const imported = command
    .command('import')
    .description('Register a public key that you have')
    .argument('<name>', 'of the new key pair')
    .argument('<file>', 'public key, or private key of which only the public half is sent; - for standard input')
    .action(async (name: string, file: string) => {
      const KeyName = name
      const material = await publicKeyOf((await readInput(session, file)).toString('utf8'), file)
      const answer = await clientOf(session).call('ImportKeyPair', {
        KeyName,
        PublicKeyMaterial: Buffer.from(material),
      })
      say(session, `${answer.KeyPairId} ${answer.KeyFingerprint}`)
    })
  addExamples(imported, 'kiln key import me ~/.ssh/id_ed25519.pub', 'ssh-add -L | head -1 | kiln key import me -')
  const removed = command
    .command('rm')
    .description('Delete key pairs; running instances keep the key')
    .argument('<key...>', 'names or ids')
    .option('--private-key', 'delete the private key that Kiln keeps, too')
    .action(async (names: string[], { privateKey }: { privateKey?: boolean }) => {
      const client = clientOf(session)
      for (const name of names) {
        const { KeyPairId, KeyName = '' } = await resolveKeyPair(client, name)
        await client.call('DeleteKeyPair', { KeyPairId })
        say(session, KeyName)
        const path = keyFileOf(session, KeyName)
        if (privateKey) await rm(path, { force: true })
        else if (await canRead(path)) note(session, `Its private key is still ${path}`)
      }
    })
  addExamples(removed, 'kiln key rm deploy --private-key')
}

async function list(session: Session, output: OutputFormat): Promise<void> {
  const answer = await clientOf(session).call('DescribeKeyPairs', {})
  const rows = answer.KeyPairs ?? []
  const kept = new Map<string, string>()
  for (const { KeyName = '' } of rows) {
    const path = keyFileOf(session, KeyName)
    if (await canRead(path)) kept.set(KeyName, path)
  }
  const now = systemClock.now()
  await printListing<Jsonified<KeyPairInfo>>(session, output, {
    answer,
    rows,
    empty: 'No key pairs. Make one with: kiln key create NAME',
    columns: [
      { title: 'NAME', value: (row) => row.KeyName },
      { title: 'ID', value: (row) => row.KeyPairId },
      { title: 'TYPE', value: (row) => row.KeyType },
      { title: 'AGE', value: (row) => renderAge(row.CreateTime, now) },
      { title: 'FINGERPRINT', value: (row) => row.KeyFingerprint },
      { title: 'PRIVATE KEY', value: (row) => kept.get(row.KeyName ?? '') },
    ],
  })
}

/** The file is opened first, so that a private key that is given out once is never without a place. */
async function make(
  session: Session,
  name: string,
  { type, out }: { type: 'ed25519' | 'rsa'; out?: string },
): Promise<void> {
  if (out === undefined) await ensurePrivateDirectory(session.paths.keys)
  const path = out === undefined ? keyFileOf(session, name) : resolve(out)
  const file = await open(path, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw new CliError(`${path} cannot be written (${error.code}).`)
    throw new CliError(`${path} is there already; no key pair was made.`, {
      hint: `Give --out, or use that key: kiln key import ${name} ${path}`,
    })
  })
  try {
    const { KeyMaterial = '', KeyFingerprint } = await clientOf(session).call('CreateKeyPair', {
      KeyName: name,
      KeyType: type,
    })
    await file.writeFile(KeyMaterial)
    await file.sync()
    note(session, `Made the key pair ${name} (${KeyFingerprint}). Its private key is`)
    say(session, path)
  } catch (error) {
    await rm(path, { force: true })
    throw error
  } finally {
    await file.close()
  }
}

/** The public key as OpenSSH writes it; made of a private key when that is what was given. */
async function publicKeyOf(text: string, source: string): Promise<string> {
  if (!text.includes('PRIVATE KEY-----')) return text.trim()
  const { default: sshpk } = await import('sshpk')
  try {
    return sshpk.parsePrivateKey(text, 'auto').toPublic().toString('ssh')
  } catch {
    throw new CliError(`The private key in ${source} cannot be read; it may have a passphrase.`, {
      exitCode: exitCode.usage,
      hint: `Give its public half: ssh-keygen -y -f ${source} | kiln key import NAME -`,
    })
  }
}
