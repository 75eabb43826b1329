import { readlink } from 'node:fs/promises'
import { join } from 'node:path'
import fsExtra from 'fs-extra'
import type { ProcessIdentity } from '../host/process.ts'
import { isProcessAlive } from '../host/process-table.ts'
import { type NamespaceDependencies, startHolder } from './holder.ts'
import { commonDirectory, endProcess } from './vpc-processes.ts'

/** A way into the user namespace that VPCs are nested in. */
export interface UserNamespaceKey {
  /** Opening it gives the namespace (nsenter --user=PATH). Valid as long as the process that it is of lives. */
  readonly path: string
  /** The kernel's name of it: `user:[4026532255]`. */
  readonly id: string
}

/**
 * The user namespace in which a daemon's VPCs make theirs. Who is in it has all rights over each of them and may join two by a wire;
 * who is in one of them has none over another (docs/adr/vpcs-are-nested-in-one-user-namespace.md).
 */
export interface CommonUserNamespace {
  /** The one that an earlier daemon's holder keeps. */
  adopt(holder: ProcessIdentity | undefined): void
  /** The key of the one that is there, or of a new one; the namespace stays as long as the work goes on. */
  use<T>(work: (key: UserNamespaceKey) => Promise<T>): Promise<T>
  /** Ends its holder, unless somebody uses it just now. */
  end(): Promise<void>
}

/** `namespaceHolders` are those of the VPCs that live: one of them leads back to it when its own holder died. */
export function createCommonUserNamespace(
  dependencies: NamespaceDependencies,
  namespaceHolders: () => readonly ProcessIdentity[],
): CommonUserNamespace {
  const directory = join(dependencies.networksDirectory, commonDirectory)
  let holder: ProcessIdentity | undefined
  let users = 0
  let turn: Promise<unknown> = Promise.resolve()

  /** One after the other: nobody ends what another one is just about to take. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const next = turn.then(work)
    turn = next.catch(() => undefined)
    return next
  }

  async function ensure(): Promise<UserNamespaceKey> {
    const present =
      holder && (await isProcessAlive(holder)) ? await readUserNamespace(holder.pid, 'ns/user') : undefined
    if (present) return present
    holder = await makeAgain()
    const made = await readUserNamespace(holder.pid, 'ns/user')
    if (!made) throw new Error('the common user namespace ended as soon as it was made')
    return made
  }

  async function makeAgain(): Promise<ProcessIdentity> {
    for (const { pid } of namespaceHolders()) {
      const key = await readNestingKey(pid)
      if (key) return await startHolder(dependencies, commonDirectory, enterUserNamespace(key))
    }
    // Root uses one too: pasta drops the rights that it would need to enter one of the host's own.
    return await startHolder(dependencies, commonDirectory, ['unshare', '--user', '--map-root-user'])
  }

  return {
    adopt: (left) => {
      holder = left
    },
    use: async (work) => {
      users++
      try {
        return await work(await inTurn(ensure))
      } finally {
        users--
      }
    },
    end: async () =>
      await inTurn(async () => {
        if (users > 0) return
        if (holder) await endProcess(dependencies.clock, holder, 'SIGKILL')
        holder = undefined
        await fsExtra.remove(directory)
      }),
  }
}

/** Argv prefix that runs a program in a user namespace, and in the network namespace of a process when that is told. */
export function enterUserNamespace({ path }: UserNamespaceKey, networkOf?: number): [string, ...string[]] {
  const network = networkOf === undefined ? [] : [`--net=/proc/${networkOf}/ns/net`]
  return ['nsenter', `--user=${path}`, ...network, '--preserve-credentials', '--']
}

/**
 * The key that a VPC's holder has as its standard input. It tells what user namespace the VPC is nested in, and keeps that one when its
 * own holder dies: the kernel has no file for a namespace's parent. Undefined where there is none.
 */
export async function readNestingKey(holderPid: number): Promise<UserNamespaceKey | undefined> {
  return await readUserNamespace(holderPid, 'fd/0')
}

async function readUserNamespace(pid: number, file: string): Promise<UserNamespaceKey | undefined> {
  const path = `/proc/${pid}/${file}`
  const id = await readlink(path).catch(() => '')
  return id.startsWith('user:[') ? { path, id } : undefined
}
