import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findProcesses } from '../../src/host/process-table.ts'
import { type Lab, openLab, labUser, until } from './lab.ts'

/** Ends a hang. */
const patience = 900_000

let lab: Lab

beforeAll(async () => {
  lab = await openLab(labUser)
  await lab.startDaemon()
})
afterAll(async () => expect(await lab.close()).toEqual([]))

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
