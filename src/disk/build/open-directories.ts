import { chmod, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** The umask of whoever builds must not decide who may enter a directory of the guest. */
export async function openDirectories(root: string): Promise<void> {
  for (const entry of await readdir(root, { withFileTypes: true, recursive: true })) {
    if (entry.isDirectory()) await chmod(join(entry.parentPath, entry.name), 0o755)
  }
  await chmod(root, 0o755)
}
