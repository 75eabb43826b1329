import { readdir, readFile, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { Readable } from 'node:stream'
import { pack } from 'tar-stream'

/** A tar of a directory's files, as root's, that can be executed where the files can. */
export async function packGuestPart(directory: string): Promise<Buffer> {
  const archive = pack()
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  for (const entry of entries.filter((one) => one.isFile()).sort(byPath)) {
    const path = join(entry.parentPath, entry.name)
    const isExecutable = ((await stat(path)).mode & 0o100) !== 0
    archive.entry({ name: relative(directory, path), mode: isExecutable ? 0o755 : 0o644 }, await readFile(path))
  }
  archive.finalize()
  return await buffer(Readable.from(archive))
}

function byPath(a: { parentPath: string; name: string }, b: { parentPath: string; name: string }): number {
  return join(a.parentPath, a.name) < join(b.parentPath, b.name) ? -1 : 1
}
