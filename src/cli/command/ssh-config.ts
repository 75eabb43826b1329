import type { Command } from 'commander'
import { ensurePrivateDirectory, writeFileAtomic } from '../../host/files.ts'
import { addExamples } from '../help.ts'
import { type InstanceRecord, listInstances, nameOf } from '../resolve/instance.ts'
import { clientOf, note, say, type Session } from '../session.ts'
import { findSshAccess, sshSettings } from '../ssh-access.ts'

/** `kiln ssh-config` */
export function defineSshConfig(command: Command, session: Session): void {
  command
    .option('--prefix <text>', 'put before names', '')
    .option('--write', 'write it into the state directory, to be included from ~/.ssh/config')
    .action(async ({ prefix, write }: { prefix: string; write?: boolean }) => {
      const client = clientOf(session)
      const instances = await listInstances(client, {
        Filters: [{ Name: 'instance-state-name', Values: ['pending', 'running'] }],
      })
      const blocks = await Promise.all(
        instances.map(async (instance) => {
          const { instanceId, user, identity } = await findSshAccess(session, client, instance)
          const settings: [string, string][] = [
            ['HostName', instanceId],
            ['User', user],
            ...sshSettings(session, identity ? [identity] : []),
          ]
          const lines = settings.map(([name, value]) => `  ${name} ${value}\n`)
          return `Host ${aliasesOf(instance, instances, prefix).join(' ')}\n${lines.join('')}`
        }),
      )
      await ensurePrivateDirectory(session.paths.knownHosts)
      const text = blocks.join('\n')
      if (!write) return void session.stdout.write(text)
      const path = session.paths.sshConfig
      await writeFileAtomic(path, `# Written by kiln ssh-config --write.\n${text}`, { mode: 0o600, isDurable: false })
      say(session, path)
      note(session, 'Put this line at the beginning of ~/.ssh/config once:')
      note(session, `  Include "${path}"`)
    })
  addExamples(
    command,
    'kiln ssh-config --write && ssh web',
    'kiln ssh-config >lab.conf && rsync -e "ssh -F lab.conf" -a site/ web:/srv/',
    'ansible all -i web, -m ping --ssh-common-args "-F lab.conf"',
  )
}

/** The id always, the name where it means one instance and no pattern of ssh_config(5). */
function aliasesOf(instance: InstanceRecord, all: readonly InstanceRecord[], prefix: string): string[] {
  const name = nameOf(instance)
  const isAlone = all.filter((other) => nameOf(other) === name).length === 1
  const isPlain = name !== undefined && /^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(name)
  return [...(isAlone && isPlain ? [`${prefix}${name}`] : []), instance.InstanceId ?? '']
}
