import { appendFile, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ensurePrivateDirectory } from '../../host/files.ts'
import type { Scope } from '../ports/store.ts'

/** What stands for CloudWatch Logs: a log group is a directory under `log-groups/ACCOUNT/REGION/`, a log stream a file in it. */
export interface LogGroups {
  /** Writes lines at a stream's end; the group and the stream are made where they are not there. */
  append(scope: Scope, group: string, stream: string, lines: readonly string[]): Promise<void>
  directoryOf(scope: Scope, group: string): string
}

/** A stream that has become as large as that begins anew; what it had is kept once, as `STREAM.log.1`. */
const maximumBytes = 32 * 1024 ** 2

const groupPattern = /^[.\-_/#A-Za-z0-9]{1,200}$/

/** Whether a log group can have that name: CloudWatch's characters, and 200 of them, for it is one of a directory. */
export function isLogGroupName(name: string): boolean {
  return groupPattern.test(name)
}

export function createLogGroups(root: string): LogGroups {
  const directoryOf = ({ accountId, region }: Scope, group: string) =>
    join(root, accountId, region, nameOfDirectory(group))
  return {
    directoryOf,
    append: async (scope, group, stream, lines) => {
      const directory = directoryOf(scope, group)
      await ensurePrivateDirectory(directory)
      const path = join(directory, `${stream}.log`)
      const size = await stat(path).then(
        (found) => found.size,
        () => 0,
      )
      if (size > maximumBytes) await rename(path, `${path}.1`)
      await appendFile(path, lines.map((line) => `${line}\n`).join(''), { mode: 0o600 })
    },
  }
}

/** One name for each group, that leads nowhere else: `/aws/vpc` is `%2Faws%2Fvpc`, and none begins with a dot. Pure. */
export function nameOfDirectory(group: string): string {
  return encodeURIComponent(group).replace(/^\./, '%2E')
}
