import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { ensurePrivateDirectory } from '../../host/files.ts'
import { CliError, ExitRequest } from '../failure.ts'
import { quoteForShell } from '../render/text.ts'
import { resolveInstance } from '../resolve/instance.ts'
import { clientOf, type Session } from '../session.ts'

/** `kiln ssh` */
export function defineSsh(command: Command, session: Session): void {
  command
    .argument('<instance>', 'id or name')
    .argument('[command...]', 'after --')
    .option('-l, --user <name>', 'login name')
    .option('-i, --identity <file>', 'private key')
    .addHelpText('after', '\nExamples:\n  kiln ssh web\n  kiln ssh web -- uname -a')
    .action(async (name: string, words: string[], options: { user?: string; identity?: string }) => {
      const client = clientOf(session)
      const instance = await resolveInstance(client, name)
      const id = instance.InstanceId ?? ''
      if (instance.State?.Name !== 'running') {
        const hint = instance.State?.Name === 'stopped' ? { hint: `Start it with: kiln start ${name}` } : {}
        throw new CliError(`${name} is ${instance.State?.Name}, not running.`, hint)
      }
      const { LoginUser } = await client.call('KilnDescribeInstance', { InstanceId: id })
      await ensurePrivateDirectory(session.paths.knownHosts)
      const identity = options.identity ?? (await findKeyFile(session, instance.KeyName))
      const settings = sshOptions(session, id, identity)
      const argv = ['-l', options.user ?? LoginUser, ...settings, '--', id, ...words]
      throw new ExitRequest(await session.runInForeground(['ssh', ...argv]))
    })
}

/** Where the private key of a key pair is kept. */
export function keyFileOf(session: Session, keyName: string): string {
  return join(session.paths.keys, `${encodeURIComponent(keyName)}.pem`)
}

async function findKeyFile(session: Session, keyName: string | undefined): Promise<string | undefined> {
  if (!keyName) return undefined
  const path = keyFileOf(session, keyName)
  return access(path).then(
    () => path,
    () => undefined,
  )
}

/** Options that lead ssh through the daemon's socket to the instance. ssh expands `%` in each of these values. */
export function sshOptions(session: Session, instanceId: string, identity: string | undefined): string[] {
  const region = session.region ? ['--region', session.region] : []
  const proxy = ['env', `KILN_HOME=${session.paths.root}`, ...session.self, 'dial', ...region, instanceId]
  const escape = (text: string) => text.replaceAll('%', '%%')
  const values = [
    `ProxyCommand=${escape(proxy.map(quoteForShell).join(' '))} %p`,
    `UserKnownHostsFile="${escape(join(session.paths.knownHosts, instanceId))}"`,
    `HostKeyAlias=${instanceId}`,
    'StrictHostKeyChecking=accept-new',
    'LogLevel=ERROR',
    ...(identity ? [`IdentityFile="${escape(identity)}"`, 'IdentitiesOnly=yes'] : []),
  ]
  return values.flatMap((value) => ['-o', value])
}
