import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import fsExtra from 'fs-extra'
import { ensurePrivateDirectory, removeHalfWritten, writeFileAtomic } from '../host/files.ts'
import type { Random } from '../host/random.ts'

/** The keys of encrypted disks: a file each, named by the key's id, 0600 in a directory of 0700. Nothing else ever holds one. */
export interface Keyring {
  /** Makes the key unless it is there; on disk for good when it resolves. */
  provide(keyId: string): Promise<void>
  /** Rejects, naming the file, when the key is gone: what it has encrypted cannot be read any more. */
  read(keyId: string): Promise<string>
  /** The file, for tools that read it themselves: a key never stands on a command line. */
  pathOf(keyId: string): string
  /** Deletes what a daemon that was killed has left of a key that it was writing. */
  removeInterrupted(): Promise<void>
}

const secretBytes = 32

export function createKeyring(directory: string, random: Random): Keyring {
  const pathOf = (keyId: string) => join(directory, keyId)
  return {
    pathOf,
    removeInterrupted: async () => {
      if (await fsExtra.pathExists(directory)) await removeHalfWritten(directory)
    },
    provide: async (keyId) => {
      if (await fsExtra.pathExists(pathOf(keyId))) return
      await ensurePrivateDirectory(directory)
      // Hexadecimal, for QEMU takes a passphrase of LUKS as UTF-8.
      await writeFileAtomic(pathOf(keyId), random.bytes(secretBytes).toString('hex'))
    },
    read: async (keyId) => {
      try {
        return await readFile(pathOf(keyId), 'utf8')
      } catch (error) {
        throw new Error(`the key ${pathOf(keyId)} of an encrypted disk cannot be read`, { cause: error })
      }
    },
  }
}
