import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'

/** Debian's docker-registry on 127.0.0.1, with a directory of its own. */
export interface DockerRegistry {
  /** `127.0.0.1:PORT`. */
  readonly host: string
  readonly directory: string
  /** Where it keeps the bytes of a blob. */
  blobPath(digest: string): string
  close(): Promise<void>
}

/**
 * `login` absent: everybody may push and pull. Unless `canDelete` is false, also delete. `diskMib`: what it keeps is on a file system of its
 * own of that size, which only root can have.
 */
export async function startDockerRegistry({
  login,
  canDelete = true,
  diskMib,
}: {
  login?: { username: string; password: string }
  canDelete?: boolean
  diskMib?: number
} = {}): Promise<DockerRegistry> {
  const directory = await mkdtemp(join(tmpdir(), 'kiln-registry-'))
  if (diskMib) await execa('mount', ['-t', 'tmpfs', '-o', `size=${diskMib}m`, 'tmpfs', directory])
  const port = await findFreePort()
  const access = login ? await passwordFile(directory, login) : []
  const configuration = [
    'version: 0.1',
    'log: { level: error, accesslog: { disabled: true } }',
    `storage: { filesystem: { rootdirectory: ${directory} }, delete: { enabled: ${canDelete} } }`,
    `http: { addr: '127.0.0.1:${port}', secret: ${randomBytes(16).toString('hex')} }`,
    ...access,
  ]
  const path = join(directory, 'config.yml')
  await writeFile(path, configuration.join('\n'))
  const server = spawn('docker-registry', ['serve', path], { stdio: 'ignore' })
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()))
  const host = `127.0.0.1:${port}`
  // 401 is an answer too.
  while (
    !(await fetch(`http://${host}/v2/`).then(
      () => true,
      () => false,
    ))
  ) {
    if (server.exitCode !== null) throw new Error('docker-registry does not start')
    await new Promise((resolve) => setTimeout(resolve, 30))
  }
  return {
    host,
    directory,
    blobPath: (digest) => {
      const hex = digest.replace('sha256:', '')
      return join(directory, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data')
    },
    close: async () => {
      server.kill('SIGTERM')
      await ended
      if (diskMib) await execa('umount', [directory])
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function passwordFile(directory: string, { username, password }: { username: string; password: string }) {
  const path = join(directory, 'htpasswd')
  // bcrypt is all that the registry takes, and perl, which every Debian has, makes it.
  const hash = await execa('perl', ['-e', 'print crypt($ARGV[0], q($2y$05$abcdefghijklmnopqrstuu))', password])
  await writeFile(path, `${username}:${hash.stdout}\n`)
  return [`auth: { htpasswd: { realm: kiln, path: ${path} } }`]
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
