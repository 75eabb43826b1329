import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fsExtra from 'fs-extra'
import { until } from './lab.ts'

/** The qemu-img of a daemon, which waits before it writes a disk as long as a test holds it. */
export interface HeldProgram {
  /** Goes before others in PATH. */
  readonly directory: string
  /**
   * The next one waits whose command line has that in it, and so on until it is let go. Answers what waits for one to be there, and what
   * lets it go.
   */
  hold(wanted?: string): Promise<{ isThere(): Promise<void>; letGo(): Promise<void> }>
  remove(): Promise<void>
}

export async function holdQemuImg(): Promise<HeldProgram> {
  const directory = await mkdtemp(join(tmpdir(), 'kiln-held-'))
  const [held, there] = [join(directory, 'held'), join(directory, 'there')]
  const program = join(directory, 'qemu-img')
  await writeFile(
    program,
    `#!/bin/sh
case "$1" in
convert | rebase) while test -e ${held} && case "$*" in *"$(cat ${held})"*) true ;; *) false ;; esac; do mkdir -p ${there}/$$; sleep 0.02; done ;;
esac
exec /usr/bin/qemu-img "$@"
`,
  )
  await chmod(directory, 0o755)
  await chmod(program, 0o755)
  return {
    directory,
    hold: async (wanted = '') => {
      await fsExtra.remove(there)
      await mkdir(there, { mode: 0o777 })
      await chmod(there, 0o777)
      await writeFile(held, wanted)
      return {
        isThere: () => until(async () => (await fsExtra.readdir(there)).length > 0),
        letGo: () => rm(held),
      }
    },
    remove: () => rm(directory, { recursive: true }),
  }
}
