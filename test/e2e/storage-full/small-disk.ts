import { statfs } from 'node:fs/promises'
import { execa } from 'execa'

/** A tmpfs whose room a test gives and takes at once, whatever is on it. */
export interface SmallDisk {
  readonly path: string
  usedBytes(): Promise<number>
  /** So many bytes are free now. */
  leave(bytes: number): Promise<void>
}

const mostTries = 20

/** `path` is where a tmpfs is mounted; only root can change it. */
export function smallDisk(path: string): SmallDisk {
  async function usedBytes(): Promise<number> {
    const { blocks, bfree, bsize } = await statfs(path)
    return (blocks - bfree) * bsize
  }
  return {
    path,
    usedBytes,
    leave: async (bytes) => {
      // Refused where more was written since it was asked for than is to be left.
      for (let tries = 1; ; tries++) {
        const size = (await usedBytes()) + bytes
        const { failed, stderr } = await execa('mount', ['-o', `remount,size=${size}`, path], { reject: false })
        if (!failed) return
        if (tries === mostTries) throw new Error(stderr)
      }
    },
  }
}
