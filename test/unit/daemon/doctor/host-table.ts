import { CommandError, type Command, type ProcessHost } from '../../../../src/host/process.ts'
import type { HostView } from '../../../../src/daemon/doctor/check.ts'

/** A host made of tables, and what was run on it. */
export interface HostTable {
  readonly host: HostView
  readonly ran: string[]
}

/**
 * `programs` says by the whole command line what it prints, or an Error's message for standard error; what is not there fails. `files`
 * can be read and are there.
 */
export function makeHost(table: {
  programs?: Record<string, string | Error>
  files?: Record<string, string>
  usable?: readonly string[]
  isRoot?: boolean
}): HostTable {
  const { programs = {}, files = {}, usable = [], isRoot = false } = table
  const ran: string[] = []
  const run = async ({ argv }: Command) => {
    const line = argv.join(' ')
    ran.push(line)
    const answer = programs[line] ?? new Error(`${argv[0]}: not found`)
    if (answer instanceof Error) throw new CommandError(argv, { exitCode: 1, stderrTail: answer.message })
    return { stdout: answer, stderr: '' }
  }
  const startNothing = () => {
    throw new Error('these checks run programs to their end')
  }
  const processes: ProcessHost = { run, startDetached: startNothing, startHelper: startNothing }
  return {
    ran,
    host: {
      processes,
      readText: async (path) => files[path],
      isUsable: async (path) => usable.includes(path) || path in files,
      isRoot,
      userName: 'anna',
      searchPath: '/usr/bin:/usr/sbin',
    },
  }
}
