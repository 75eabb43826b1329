import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findProcesses } from '../../src/host/process-table.ts'
import { type DebianServer, launchDebian, patience, testDebianServer } from './debian-server.ts'
import { provideImage } from './images.ts'
import { type Lab, openLab, ordinaryUser, until } from './lab.ts'
import { prepareServers } from './servers.ts'

// packer.test.ts has a Debian of the daemon of whoever runs the tests.
let lab: Lab
let server: DebianServer

beforeAll(async () => {
  lab = await openLab(process.getuid?.() === 0 ? ordinaryUser : undefined)
  await lab.startDaemon()
  const imageId = await provideImage(lab, 'debian-12')
  // To see who is told of what fails in a guest.
  server = await launchDebian(lab, await prepareServers(lab, 'admin'), imageId, { hasFailingScript: true })
}, 2 * patience)

afterAll(async () => {
  await lab.close()
})

describe('a stock Debian of an ordinary user', () => {
  testDebianServer(() => server, { hasFailingScript: true })

  test(
    'stops by the power button and starts with what it had, configured once',
    async () => {
      const { servers, id } = server
      const run = (command: string) => servers.run(id, command)
      await run('echo kept >kept; sync')
      await lab.aws('stop-instances', '--instance-ids', id)
      await servers.waitForState(id, 'stopped')
      expect((await servers.describe(id)).StateReason?.Code).toBe('Client.UserInitiatedShutdown')
      await lab.aws('start-instances', '--instance-ids', id)
      await Promise.all([servers.waitForStage(id, 'cloud-init'), servers.waitForStage(id, 'ssh')])
      expect(await run('cat kept; cat /var/lib/told-by-script')).toBe('kept\nran')
    },
    patience,
  )

  test(
    'leaves nothing behind when it is terminated',
    async () => {
      const { servers, id } = server
      await lab.aws('terminate-instances', '--instance-ids', id)
      await servers.waitForState(id, 'terminated')
      expect((await lab.call('DescribeVolumes', {})).Volumes).toEqual([])
      expect(await readdir(join(lab.home, 'volumes'))).toEqual([])
    },
    patience,
  )
})

describe('a build that does not come to its end', () => {
  /** Begins a build and waits until packages are being installed in its room. */
  async function beginBuild(): Promise<string> {
    const { TaskId: taskId } = await lab.call('KilnBuildImage', { Recipe: 'debian-12', Name: 'unfinished' })
    await until(async () => {
      const { Tasks: tasks } = await lab.call('KilnDescribeTasks', { TaskIds: [taskId] })
      if (tasks[0]?.State !== 'running') throw new Error(`the build ended: ${tasks[0]?.Error?.Message}`)
      return (await findBuilders()).length > 0 && tasks[0].Detail !== undefined
    })
    return taskId
  }
  const findBuilders = () =>
    findProcesses((argv) => argv.some((argument) => argument.includes(join(lab.home, 'staging'))))
  const findFiles = () => readdir(join(lab.home, 'staging'))

  test(
    'leaves no process and no file when it is cancelled',
    async () => {
      const taskId = await beginBuild()
      const { Task: task } = await lab.call('KilnCancelTask', { TaskId: taskId })
      expect(task.State).toBe('cancelled')
      expect(await findBuilders()).toEqual([])
      expect(await findFiles()).toEqual([])
    },
    patience,
  )

  test(
    'leaves no process and no file when the daemon is killed',
    async () => {
      await beginBuild()
      await lab.killDaemon()
      await until(async () => (await findBuilders()).length === 0)
      await lab.startDaemon()
      expect(await findFiles()).toEqual([])
    },
    patience,
  )
})
