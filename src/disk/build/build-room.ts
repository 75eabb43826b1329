import { once } from 'node:events'
import { Ec2Error } from '../../ec2/errors.ts'
import { ownProgramArguments } from '../../host/installation.ts'
import { CommandError, type ProcessHost } from '../../host/process.ts'
import type { DebianRootRequest } from './debian-root.ts'

/** What the daemon sends into the room. */
export type RoomRequest = DebianRootRequest

/** What comes out of it. */
export type RoomAnswer =
  | { readonly kind: 'stage'; readonly stage: string }
  | { readonly kind: 'line'; readonly line: string }
  | { readonly kind: 'done' }
  | {
      readonly kind: 'failed'
      readonly message: string
      /** When it is an error that the caller is to see. */
      readonly code?: string
      /** When it was a program that failed. */
      readonly tool?: { readonly name: string; readonly stderrTail: string }
    }

const checkTimeoutMs = 30_000

/**
 * Namespaces in which a build is root with all of a distribution's users: for an ordinary user by the subordinate ids of
 * /etc/subuid, for root without. `--kill-child` ends what is inside when unshare itself is killed.
 */
export function roomCommand(isRoot: boolean): readonly [string, ...string[]] {
  const users = isRoot ? [] : ['--user', '--map-auto', '--map-root-user']
  return ['unshare', ...users, '--mount', '--pid', '--fork', '--kill-child', '--']
}

/** Rejects with an Ec2Error that says what this host or user lacks for building in a room, and how to mend it. */
export async function requireRoom(
  processes: ProcessHost,
  host: { isRoot: boolean; userName: string; availableMib: number; neededMib: number },
): Promise<void> {
  const check = (argv: readonly [string, ...string[]]) => processes.run({ argv, timeoutMs: checkTimeoutMs })
  const [program, ...rest] = roomCommand(host.isRoot)
  await check([program, ...rest, 'true']).catch((error: unknown) => {
    throw explainRoomFailure(error, host.userName)
  })
  await check(['mmdebstrap', '--version']).catch((error: unknown) => {
    throw cannotBuild(`mmdebstrap cannot be run (${tailOf(error)})`, 'install the package mmdebstrap')
  })
  if (host.availableMib >= host.neededMib) return
  throw cannotBuild(
    `the system is put together in memory, which takes ${host.neededMib} MiB, and ${host.availableMib} MiB are free`,
    'stop an instance or two and try again',
  )
}

/** unshare's words when it cannot make the namespaces, in a person's. */
export function explainRoomFailure(error: unknown, userName: string): Ec2Error {
  const tail = tailOf(error)
  if (/newuidmap|newgidmap/.test(tail))
    return cannotBuild(`newuidmap cannot map users (${tail})`, 'install the package uidmap')
  if (/subuid|subgid/.test(tail)) {
    return cannotBuild(
      `the user ${userName} has no subordinate user and group ids`,
      `run as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${userName}`,
    )
  }
  if (/unrecognized option/.test(tail)) return cannotBuild('unshare is too old', 'install util-linux 2.38 or later')
  return cannotBuild(
    `no user namespace can be made (${tail})`,
    'allow them (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, or an AppArmor profile), or build as root',
  )
}

/** Makes the root file system in a room of its own. Nothing of the room is left when this settles, aborted or not. */
export async function buildInRoom(
  processes: ProcessHost,
  isRoot: boolean,
  request: RoomRequest,
  work: { signal: AbortSignal; onStage: (stage: string) => void; onLine: (line: string) => void },
): Promise<void> {
  work.signal.throwIfAborted()
  const [program, ...rest] = [
    ...roomCommand(isRoot),
    process.execPath,
    ...ownProgramArguments('disk/build/debian-room-helper'),
  ]
  const helper = processes.startHelper({
    argv: [program ?? 'unshare', ...rest],
    environment: { LC_ALL: 'C.UTF-8' },
  })
  const leave = () => {
    if (helper.connected) helper.disconnect()
  }
  work.signal.addEventListener('abort', leave, { once: true })
  let outcome: RoomAnswer | undefined
  helper.on('message', (answer: RoomAnswer) => {
    if (answer.kind === 'stage') work.onStage(answer.stage)
    else if (answer.kind === 'line') work.onLine(answer.line)
    else {
      outcome = answer
      leave()
    }
  })
  try {
    helper.send(request)
    // unshare ends after the last process of the room.
    await once(helper, 'exit')
  } finally {
    work.signal.removeEventListener('abort', leave)
    leave()
  }
  work.signal.throwIfAborted()
  if (outcome?.kind === 'done') return
  if (outcome?.kind === 'failed' && outcome.tool) throw explainToolFailure(outcome.tool)
  if (outcome?.kind === 'failed' && outcome.code) throw new Ec2Error(outcome.code, outcome.message)
  throw new Error(outcome?.kind === 'failed' ? outcome.message : 'the build ended before it was done')
}

/** A program of the build has failed: apt and mmdebstrap begin with `E:` what was wrong, and go on with what followed from it. */
export function explainToolFailure(tool: { name: string; stderrTail: string }): Ec2Error {
  const lines = tool.stderrTail.split('\n')
  const errors = lines.filter((line) => line.startsWith('E: '))
  const told = (errors.length > 0 ? errors.slice(0, 3) : lines.slice(-3)).join(' ')
  return new Ec2Error('BuildFailed', `${tool.name} failed: ${told}`)
}

function cannotBuild(what: string, how: string): Ec2Error {
  return new Ec2Error('BuildImpossible', `A Debian image cannot be built here: ${what}. To mend it: ${how}.`)
}

function tailOf(error: unknown): string {
  if (error instanceof CommandError) return error.stderrTail
  return error instanceof Error ? error.message : String(error)
}
