import { afterEach } from 'vitest'
import { runCli } from '../../../src/cli/program.ts'
import type { TextStream } from '../../../src/cli/session.ts'
import { statePathsOf } from '../../../src/host/state-paths.ts'
import { startFakeDaemon } from './fake-daemon.ts'

const ends: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0)) await end()
})

type Answers = Parameters<typeof startFakeDaemon>[0]

/** A fake daemon that ends with the test. */
export async function provideFakeDaemon(answers: Answers) {
  const daemon = await startFakeDaemon(answers)
  ends.push(() => daemon.close())
  return daemon
}

/** Runs a command line against a daemon that answers from a table, or none; `started` are the programs that it would have run. */
export async function runAgainst(
  answers: Answers | undefined,
  argv: string[],
  { environment = {} }: { environment?: NodeJS.ProcessEnv } = {},
) {
  const daemon = answers && (await provideFakeDaemon(answers))
  const text = { out: '', err: '' }
  const started: string[][] = []
  const code = await runCli(argv, {
    paths: daemon?.paths ?? statePathsOf('/nonexistent/kiln'),
    environment,
    stdin: process.stdin,
    stdout: writerTo((part) => (text.out += part)),
    stderr: writerTo((part) => (text.err += part)),
    self: ['node', 'kiln main.js'],
    signal: new AbortController().signal,
    runInForeground: async (command) => {
      started.push([...command])
      return 7
    },
    region: undefined,
  })
  return { code, ...text, calls: daemon?.calls ?? [], started, paths: daemon?.paths }
}

function writerTo(take: (part: string) => void): TextStream {
  return {
    write: (part, done) => {
      take(String(part))
      done?.()
    },
  }
}
