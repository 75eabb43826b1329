import type { Command } from 'commander'
import { ensurePrivateDirectory } from '../../host/files.ts'
import type { KilnClient } from '../client.ts'
import { CliError, exitCode, ExitRequest } from '../failure.ts'
import { addExamples } from '../help.ts'
import { requireRunning, resolveInstance } from '../resolve/instance.ts'
import { clientOf, type Session } from '../session.ts'
import { findSshAccess, sshOptions } from '../ssh-access.ts'

interface CpOptions {
  recursive?: boolean
  preserve?: boolean
  identity?: string
}

/** A side of a copy as the user writes it. */
export type Place =
  | { readonly kind: 'local'; readonly path: string }
  | { readonly kind: 'remote'; readonly instance: string; readonly user: string | undefined; readonly path: string }

/** `kiln cp` */
export function defineCp(command: Command, session: Session): void {
  command
    .argument('<path...>', 'sources, then the target: local paths, or INSTANCE:PATH')
    .usage('[options] SOURCE... TARGET')
    .option('-r, --recursive', 'directories with what is in them')
    .option('-p, --preserve', 'keep times and modes')
    .option('-i, --identity <file>', 'private key; the one that Kiln keeps for the key pair when absent')
    .action(async (words: string[], options: CpOptions) => copy(session, words, options))
  addExamples(
    command,
    'kiln cp app.conf web:/tmp/',
    'kiln cp -r web:/var/log ./logs',
    'kiln cp admin@web:.bashrc .',
    'kiln cp web:dump.sql db:/tmp/',
  )
}

async function copy(session: Session, words: readonly string[], options: CpOptions): Promise<void> {
  const places = words.map(parsePlace)
  if (places.length < 2) throw new CliError('Name a source and a target.', { exitCode: exitCode.usage })
  if (places.every(({ kind }) => kind === 'local')) {
    throw new CliError('Neither side is an instance.', {
      exitCode: exitCode.usage,
      hint: 'A side in an instance is INSTANCE:PATH, for example web:/tmp/',
    })
  }
  const client = clientOf(session)
  const identities = new Set<string>()
  const operands: string[] = []
  for (const place of places) {
    const { operand, identity } = await operandOf(session, client, place)
    operands.push(operand)
    if (identity) identities.add(identity)
  }
  await ensurePrivateDirectory(session.paths.knownHosts)
  const argv = [
    ...sshOptions(session, options.identity ? [options.identity] : [...identities]),
    ...(options.recursive ? ['-r'] : []),
    ...(options.preserve ? ['-p'] : []),
    ...(session.stderr.isTTY ? [] : ['-q']),
    '--',
    ...operands,
  ]
  throw new ExitRequest(await session.runInForeground(['scp', ...argv]))
}

async function operandOf(
  session: Session,
  client: KilnClient,
  place: Place,
): Promise<{ operand: string; identity?: string | undefined }> {
  // scp takes a local name with a colon for a host, unless a slash comes first.
  if (place.kind === 'local') {
    const isPlain = !/^[^/]*:/.test(place.path)
    return { operand: isPlain ? place.path : `./${place.path}` }
  }
  const instance = requireRunning(await resolveInstance(client, place.instance), place.instance)
  const { instanceId, user, identity } = await findSshAccess(session, client, instance)
  return { operand: `${place.user ?? user}@${instanceId}:${place.path}`, identity }
}

/** `[USER@]INSTANCE:PATH`, or a local path, which one with a slash before its first colon is, as for scp. */
export function parsePlace(text: string): Place {
  const end = text.indexOf(':')
  if (end < 1 || text.slice(0, end).includes('/')) return { kind: 'local', path: text }
  const host = text.slice(0, end)
  const at = host.lastIndexOf('@')
  return {
    kind: 'remote',
    instance: host.slice(at + 1),
    user: at < 0 ? undefined : host.slice(0, at),
    path: text.slice(end + 1),
  }
}
