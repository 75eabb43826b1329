import { statfs } from 'node:fs/promises'
import { execa } from 'execa'

/** A tmpfs whose room a test gives and takes at once, whatever is on it. */
export interface SmallDisk {
  readonly path: string
  usedBytes(): Promise<number>
  /** So many bytes are free now. */
  leave(bytes: number): Promise<void>
}

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
      await execa('mount', ['-o', `remount,size=${(await usedBytes()) + bytes}`, path])
    },
  }
}
