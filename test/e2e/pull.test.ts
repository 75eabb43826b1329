import { createHash } from 'node:crypto'
import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import fsExtra from 'fs-extra'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { diskOf } from './images.ts'
import { type Lab, openLab, labUser, until } from './lab.ts'
import { type Publisher, startPublisher } from './publisher.ts'

const mib = 1024 ** 2

describe('images by the kiln command, from a publisher on this host', () => {
  let lab: Lab
  let disk: string
  let publisher: Publisher
  let smallId: string
  let left: string[] | undefined

  beforeAll(async () => {
    disk = await diskOf('nano')
    publisher = await startPublisher(await readFile(disk))
    lab = await openLab(labUser)
    await writeFile(join(lab.home, 'catalog.yaml'), publisher.catalog)
    await lab.startDaemon()
  })
  afterAll(async () => {
    left ??= await lab.close()
    publisher.close()
  })

  async function listed(): Promise<string[]> {
    const { stdout } = await lab.kiln('image', 'ls', '--output', 'json')
    const { Images: images = [] } = JSON.parse(stdout) as { Images?: { Name: string }[] }
    return images.map(({ Name }) => Name).sort()
  }
  async function layerCount(): Promise<number> {
    return (await readdir(join(lab.home, 'layers'))).length
  }
  /** What is kept of downloads. */
  async function keptBytes(): Promise<number> {
    const directory = join(lab.home, 'cache/downloads')
    if (!(await fsExtra.pathExists(directory))) return 0
    // A file may go between its listing and its look: the validator is written beside and renamed.
    const sizes = (await readdir(directory)).map(
      async (name) => (await stat(join(directory, name)).catch(() => undefined))?.size ?? 0,
    )
    return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
  }

  test('a download that breaks off, and whose daemon is killed, goes on from there; no half image is listed', async () => {
    publisher.plan({ afterBytes: 4 * mib, ending: 'break off' }, { afterBytes: 4 * mib, ending: 'hold' })
    const broken = lab.kiln('image', 'pull', 'small')
    // How much of the first piece has come when the line breaks, is the kernel's affair.
    const secondStart = () => publisher.requests[1]?.start ?? Number.POSITIVE_INFINITY
    await until(async () => (await keptBytes()) > secondStart() + 3 * mib)
    expect(await listed()).toEqual([])
    await lab.killDaemon()
    expect((await broken).exitCode).not.toBe(0)
    await lab.startDaemon()
    expect(await listed()).toEqual([])
    expect(await layerCount()).toBe(0)

    const pulled = await lab.kiln('image', 'pull', 'small')
    expect(pulled).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^ami-[0-9a-f]{17}$/) })
    expect(pulled.stderr).toMatch(/Launch it with: kiln run small$/)
    smallId = pulled.stdout
    expect(publisher.requests.map(({ image }) => image)).toEqual(['small', 'small', 'small'])
    expect(publisher.requests[0]?.start).toBe(0)
    expect(secondStart()).toBeGreaterThan(0)
    expect(publisher.requests[2]?.start).toBeGreaterThan(secondStart() + 3 * mib)
    expect(await listed()).toEqual(['small'])
    expect(await keptBytes()).toBe(0)
  })

  test('what was pulled already is answered without a download', async () => {
    const before = publisher.requests.length
    const again = await lab.kiln('image', 'pull', 'small')
    expect(again).toMatchObject({ exitCode: 0, stdout: smallId })
    expect(again.stderr).toContain(`${smallId} (small) is this very image: nothing was pulled.`)
    expect(publisher.requests).toHaveLength(before)
    expect((await lab.kiln('image', 'catalog')).stdout).toMatch(new RegExp(`^small .*${smallId}`, 'm'))
  })

  test('Ctrl-C cancels, and the same command goes on from there; rm frees the space', async () => {
    publisher.plan({ afterBytes: 4 * mib, ending: 'hold' })
    const interrupted = lab.kiln('image', 'pull', 'small', '--name', 'second')
    await until(async () => (await keptBytes()) > 3 * mib)
    interrupted.interrupt()
    expect(await interrupted).toMatchObject({ exitCode: 130, stdout: '' })
    expect((await interrupted).stderr).toContain('is kept: the same command goes on from there.')
    expect(await listed()).toEqual(['small'])

    expect((await lab.kiln('image', 'pull', 'small', '--name', 'second')).exitCode).toBe(0)
    expect(publisher.requests.at(-1)?.start).toBeGreaterThan(3 * mib)
    expect(await listed()).toEqual(['second', 'small'])
    expect(await layerCount()).toBe(2)
    expect((await lab.kiln('image', 'rm', 'second')).exitCode).toBe(0)
    await until(async () => (await layerCount()) === 1)
  })

  test('two pulls of one image at once download it once', async () => {
    const both = await Promise.all([lab.kiln('image', 'pull', 'packed'), lab.kiln('image', 'pull', 'packed')])
    expect(both.map(({ exitCode }) => exitCode)).toEqual([0, 0])
    expect(both[0].stdout).toBe(both[1].stdout)
    expect(publisher.requests.filter(({ image }) => image === 'packed')).toEqual([{ image: 'packed', start: 0 }])
    expect(await listed()).toEqual(['packed', 'small'])
  })

  test('a wrong digest is told, and leaves nothing', async () => {
    const refused = await lab.kiln('image', 'pull', 'wrong')
    expect(refused).toMatchObject({ exitCode: 1, stdout: '' })
    expect(refused.stderr).toMatch(
      /expected [0-9a-f]{64}, found [0-9a-f]{64}\. Nothing was kept\. \(ChecksumMismatch\)$/,
    )
    expect(await listed()).toEqual(['packed', 'small'])
    expect(await keptBytes()).toBe(0)
  })

  test('imports a file by its relative path, with all that is said of it', async () => {
    await execa('sh', ['-c', 'gzip -1 <"$DISK" >disk.gz'], { cwd: lab.home, env: { DISK: disk } })
    const sum = createHash('sha256')
      .update(await readFile(join(lab.home, 'disk.gz')))
      .digest('hex')
    const imported = await lab.kiln(
      ...['image', 'import', 'disk.gz', '--name', 'mine', '--description', 'My own'],
      ...['--login-user', 'me', '--checksum', `sha256:${sum}`],
    )
    expect(imported).toMatchObject({ exitCode: 0 })
    expect((await lab.kiln('image', 'ls')).stdout).toMatch(
      /^mine +ami-\w+ +available +mine +x86_64 +[\d.]+ MiB +1 GiB +me .* My own$/m,
    )
  })

  test.each([
    [
      'with a backing file',
      ['qemu-img', 'create', '-qf', 'qcow2', '-b', '/etc/passwd', '-F', 'raw', '-u', 'bad', '8M'],
      /backing file/,
    ],
    [
      'with an external data file',
      ['qemu-img', 'create', '-qf', 'qcow2', '-o', 'data_file=secret', 'bad', '8M'],
      /data in an external file/,
    ],
    ['that is cut short', ['sh', '-c', 'head -c 2000000 "$DISK" >bad'], /truncated/],
    ['that is no image', ['cp', '/bin/ls', 'bad'], /neither qcow2, VMDK/],
  ])('refuses a file %s', async (_what, [program = '', ...args], message) => {
    await execa(program, args, { cwd: lab.home, env: { DISK: disk } })
    const before = await listed()
    const refused = await lab.kiln('image', 'import', 'bad', '--name', 'bad')
    expect(refused).toMatchObject({ exitCode: 1, stdout: '' })
    expect(refused.stderr).toMatch(message)
    expect(refused.stderr).toMatch(/\(InvalidDiskImage\)$/)
    expect(await listed()).toEqual(before)
  })

  test('says what is wrong with a file or a name', async () => {
    const closed = join(lab.home, 'closed')
    await writeFile(closed, 'x'.repeat(10_000))
    await chmod(closed, 0)
    const errorOf = async (...args: string[]) => (await lab.kiln('image', 'import', ...args)).stderr.split('\n').at(-1)
    expect(await errorOf('closed', '--name', 'bad')).toMatch(
      /The daemon runs as \S+ and cannot read \S+\/closed \(EACCES\): copy it to where \S+ may read it\. \(InvalidDiskImage\)$/,
    )
    expect(await errorOf('absent', '--name', 'bad')).toMatch(/There is no file \S+\/absent\. \(InvalidDiskImage\)$/)
    expect(await errorOf('disk.gz', '--name', 'mine')).toMatch(/already in use.*\(InvalidAMIName\.Duplicate\)$/)
    expect(await errorOf('disk.gz', '--name', 'a;b')).toMatch(/AMI names must be.*\(InvalidAMIName\.Malformed\)$/)
    expect(await errorOf('disk.gz', '--name', 'bad', '--checksum', `sha256:${'00'.repeat(32)}`)).toMatch(
      /\(ChecksumMismatch\)$/,
    )
  })

  test('a server launched from a pulled image answers by SSH, and goes on when its image is deleted', async () => {
    const { exitCode, stdout: instanceId } = await lab.kiln('run', 'small', '--type', 't3.nano', '--wait', 'ssh')
    expect(exitCode).toBe(0)
    const removed = await lab.kiln('image', 'rm', 'small')
    expect(removed).toMatchObject({ exitCode: 0, stdout: smallId })
    expect(removed.stderr).toBe(`The disk of small stays until these are terminated: ${instanceId}`)
    expect(await listed()).toEqual(['mine', 'packed'])
    const hint = 'kiln: There is no image small.\n      Pull it with: kiln image pull small'
    expect(await lab.kiln('run', 'small')).toMatchObject({ exitCode: 4, stderr: hint })
    expect(await layerCount()).toBe(3)
    expect((await lab.kiln('rm', instanceId)).exitCode).toBe(0)
    await until(async () => (await layerCount()) === 2)
    left = await lab.close()
    expect(left).toEqual([])
  })
})
