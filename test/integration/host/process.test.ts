import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createProcessHost } from '../../../src/host/process.ts'

const processes = createProcessHost()

async function temporaryFile(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'kiln-process-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  return join(directory, 'output')
}

test('tells what a progress display writes between carriage returns, and the end without a newline', async () => {
  const lines: string[] = []
  await processes.run({
    argv: ['printf', '(1.00/100%%)\r(2.00/100%%)\rdone'],
    onLine: (line) => lines.push(line),
  })
  expect(lines).toEqual(['(1.00/100%)', '(2.00/100%)', 'done'])
})

test('a character that is cut by a read stays whole', async () => {
  const lines: string[] = []
  await processes.run({
    argv: [
      'node',
      '-e',
      `process.stdout.write(Buffer.from([0xc3])); setTimeout(() => process.stdout.write(Buffer.from([0xa9, 10])), 50)`,
    ],
    onLine: (line) => lines.push(line),
  })
  expect(lines).toEqual(['é'])
})

test('output goes to a file of its owner only', async () => {
  const path = await temporaryFile()
  const { stdout } = await processes.run({ argv: ['printf', 'hello'], outputPath: path })
  expect([stdout, await readFile(path, 'utf8'), (await stat(path)).mode & 0o777]).toEqual(['', 'hello', 0o600])
})

test("a program's limit on file sizes holds for its output file", async () => {
  const path = await temporaryFile()
  const argv = ['prlimit', '--fsize=4096', '--core=0', '--', 'head', '-c', '65536', '/dev/zero'] as const
  await expect(processes.run({ argv, outputPath: path })).rejects.toMatchObject({ endedBy: 'SIGXFSZ' })
  expect((await stat(path)).size).toBe(4096)
})

test('a file that cannot be made rejects', async () => {
  await expect(processes.run({ argv: ['true'], outputPath: '/nonexistent/output' })).rejects.toMatchObject({
    code: 'ENOENT',
  })
})
