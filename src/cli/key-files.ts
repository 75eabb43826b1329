import { readFile, rm } from 'node:fs/promises'
import { ensurePrivateDirectory, writeFileAtomic } from '../host/files.ts'
import type { KeyFiles } from '../manifest/apply/workshop.ts'
import { keyFileOf } from './ssh-access.ts'
import { CliError } from './failure.ts'
import type { Session } from './session.ts'

/** The private keys in `keys/` of the state directory, where `kiln ssh` looks for them. */
export function createKeyFiles(session: Session): KeyFiles {
  async function readPublicKey(path: string): Promise<string | undefined> {
    const kept = await readFile(path, 'utf8').catch(() => undefined)
    if (kept === undefined) return undefined
    const { default: sshpk } = await import('sshpk')
    return sshpk.parsePrivateKey(kept, 'auto').toPublic().toString('ssh').split(' ').slice(0, 2).join(' ')
  }

  return {
    pathOf: (keyName) => keyFileOf(session, keyName),
    ensure: async (keyName, type) => {
      const path = keyFileOf(session, keyName)
      const kept = await readPublicKey(path)
      if (kept !== undefined) {
        if (kept.startsWith(type === 'rsa' ? 'ssh-rsa ' : 'ssh-ed25519 ')) return kept
        throw new CliError(`${path} holds a private key that is not of type ${type}.`, {
          hint: 'Move it away, or name its type in the manifest.',
        })
      }
      await ensurePrivateDirectory(session.paths.keys)
      const { createKey } = await import('../ec2/key-pair/key-material.ts')
      const made = await createKey(type)
      await writeFileAtomic(path, made.privateKey, { mode: 0o600 })
      return made.publicKey
    },
    remove: async (keyName, publicKey) => {
      const path = keyFileOf(session, keyName)
      if ((await readPublicKey(path).catch(() => undefined)) === publicKey) await rm(path, { force: true })
    },
  }
}
