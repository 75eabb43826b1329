import { open, readdir, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { provideImage } from './images.ts'
import { type Lab, openLab, ordinaryUser, until } from './lab.ts'
import { prepareServers, type Servers } from './servers.ts'

const mib = 1024 ** 2

// A small file system to be filled can be had by root only; the daemon on it is the ordinary user's.
describe.skipIf(process.getuid?.() !== 0)('a disk of the host that runs full (needs root to mount one)', () => {
  let lab: Lab
  let servers: Servers
  let writer: string
  let other: string

  beforeAll(async () => {
    lab = await openLab(ordinaryUser, { diskMib: 500 })
    await lab.startDaemon()
    const image = await provideImage(lab, 'nano')
    servers = await prepareServers(lab)
    ;[writer = '', other = ''] = await servers.launch(image, { MinCount: 2, MaxCount: 2 })
    await Promise.all([servers.waitForStage(writer, 'ssh'), servers.waitForStage(other, 'ssh')])
  })
  afterAll(async () => {
    await lab.close()
  })

  const fillerPath = () => join(lab.home, 'filler')

  async function freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(lab.home)
    return bavail * bsize
  }

  /** Leaves so many bytes; 0 leaves not one. */
  async function fill(leaveBytes: number): Promise<void> {
    const file = await open(fillerPath(), 'a')
    try {
      const chunk = Buffer.alloc(mib)
      for (;;) {
        const excess = (await freeBytes()) - leaveBytes
        if (excess <= 0) return
        await file.write(chunk, 0, Math.min(chunk.length, excess))
      }
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
    } finally {
      await file.close()
    }
  }

  async function problemOf(id: string): Promise<string | undefined> {
    return (await lab.call('KilnDescribeInstance', { InstanceId: id })).Problem
  }

  test('pauses the machine that needs space and says so', async () => {
    await fill(40 * mib)
    await servers.run(
      writer,
      `sudo sh -c 'dd if=/dev/urandom of=/root/large bs=1M count=80 2>/dev/null && sync && echo done >/root/state' </dev/null >/dev/null 2>&1 &`,
    )
    await until(async () => (await problemOf(writer)) !== undefined)
    expect(await problemOf(writer)).toContain('the disk of the host is full')
    expect(await problemOf(other)).toBeUndefined()
    const status = await lab.call('KilnGetStatus', {})
    expect(status.Health).toBe('degraded')
    expect(status.Warnings.join()).toContain(writer)
    expect((await servers.describe(writer)).State?.Name).toBe('running')
  })

  test('still knows of it after the daemon was killed, with not a byte free', async () => {
    await fill(0)
    await lab.killDaemon()
    await lab.startDaemon()
    await until(async () => (await problemOf(writer)) !== undefined)
    expect(await problemOf(writer)).toContain('the disk of the host is full')
  })

  test('goes on by itself when there is space, and the guest has noticed nothing', async () => {
    await rm(fillerPath())
    await until(async () => (await problemOf(writer)) === undefined)
    await until(async () => (await servers.run(writer, 'sudo cat /root/state || true')).includes('done'))
    expect(await servers.run(writer, 'dmesg | grep -ci "i/o error" || true')).toContain('0')
    expect((await lab.call('KilnGetStatus', {})).Health).toBe('ok')
  })

  test('terminates with not a byte free, which gives the space back', async () => {
    await fill(0)
    await lab.call('TerminateInstances', { InstanceIds: [writer, other] })
    await Promise.all([servers.waitForState(writer, 'terminated'), servers.waitForState(other, 'terminated')])
    expect(await readdir(join(lab.home, 'volumes'))).toEqual([])
    expect(await freeBytes()).toBeGreaterThan(80 * mib)
  })
})
