import type { Command } from 'commander'
import { ensurePrivateDirectory } from '../../host/files.ts'
import { CliError, exitCode, ExitRequest } from '../failure.ts'
import { addExamples } from '../help.ts'
import { requireRunning, resolveInstance } from '../resolve/instance.ts'
import { clientOf, type Session } from '../session.ts'
import { findSshAccess, sshOptions } from '../ssh-access.ts'

/** `kiln ssh` */
export function defineSsh(command: Command, session: Session): void {
  command
    .argument('<instance>', 'id or name')
    .argument('[command...]', 'run there instead of a shell')
    .passThroughOptions()
    .option('-l, --user <name>', "login name; the image's when absent")
    .option('-i, --identity <file>', 'private key; the one that Kiln keeps for the key pair when absent')
    .option('--endpoint <id>', 'go through an EC2 Instance Connect Endpoint')
    .action(async (name: string, words: string[], options: { user?: string; identity?: string; endpoint?: string }) => {
      const remote = words[0] === '--' ? words.slice(1) : words
      if (words[0] !== '--' && remote[0]?.startsWith('-')) {
        throw new CliError(`${remote[0]} stands after the instance, where the command begins.`, {
          exitCode: exitCode.usage,
          hint: `Options go before it: kiln ssh ${remote.join(' ')} ${name}`,
        })
      }
      const client = clientOf(session)
      const instance = requireRunning(await resolveInstance(client, name), name)
      const { instanceId, user, identity } = await findSshAccess(session, client, instance)
      await ensurePrivateDirectory(session.paths.knownHosts)
      const identities = [options.identity ?? identity].filter((path) => path !== undefined)
      const argv = [
        '-l',
        options.user ?? user,
        ...sshOptions(session, identities, options.endpoint),
        '--',
        instanceId,
        ...remote,
      ]
      throw new ExitRequest(await session.runInForeground(['ssh', ...argv]))
    })
  addExamples(command, 'kiln ssh web', 'kiln ssh web uname -a', "kiln ssh -l root web 'tail -f /var/log/messages'")
}
