import { setTimeout as sleep } from 'node:timers/promises'
import type { TaskDescription } from '../../api/kiln/task.ts'
import { type LabImage, labTag } from '../lab.ts'
import { Interruption } from './execute.ts'
import type { Workshop } from './workshop.ts'

const pollIntervalMs = 300

/** Makes an image, or follows the making that an interrupted run has left; tags it as the lab's. Ctrl-C cancels the task. */
export async function makeImage(
  workshop: Workshop,
  address: string,
  image: LabImage,
  tell: (text: string) => void,
): Promise<void> {
  const { call } = workshop
  const underWay = await findTask(workshop, image)
  if (underWay) await followTask(workshop, underWay.TaskId, tell).catch(() => undefined)
  const ImageId = (underWay && (await findImageId(workshop, image))) ?? (await make(workshop, image, tell))
  workshop.ids.set(address, ImageId)
  await call('CreateTags', {
    Resources: [ImageId],
    Tags: [
      { Key: labTag.lab, Value: workshop.lab },
      { Key: labTag.resource, Value: address },
    ],
  })
}

async function make(workshop: Workshop, image: LabImage, tell: (text: string) => void): Promise<string> {
  if (image.source.kind === 'pipeline') {
    const { TaskId: taskId, ImageId: id = '' } = await workshop.call('KilnBuildPipeline', {
      Name: image.source.pipeline,
    })
    return taskId === undefined ? id : await followTask(workshop, taskId, tell)
  }
  return await followTask(workshop, await startTask(workshop, image), tell)
}

async function startTask({ call }: Workshop, { name, source }: LabImage): Promise<string> {
  switch (source.kind) {
    case 'recipe':
      return (
        await call('KilnBuildImage', {
          Recipe: source.recipe,
          Name: name,
          ...(source.architecture === undefined ? {} : { Architecture: source.architecture }),
        })
      ).TaskId
    case 'catalog':
      return (await call('KilnPullImage', { CatalogName: source.entry, Name: name })).TaskId
    case 'import':
      return (
        await call('KilnImportImage', {
          Source: source.from,
          Name: name,
          Architecture: source.architecture,
          ...(source.checksum === undefined ? {} : { Checksum: source.checksum }),
          ...(source.loginUser === undefined ? {} : { LoginUser: source.loginUser }),
        })
      ).TaskId
    case 'pipeline':
    case 'existing':
      throw new Error(`There is no image ${name}.`)
  }
}

async function findTask({ call }: Workshop, { source }: LabImage): Promise<TaskDescription | undefined> {
  const subjects = {
    recipe: source.kind === 'recipe' ? source.recipe : undefined,
    catalog: source.kind === 'catalog' ? source.entry : undefined,
    import: source.kind === 'import' ? source.from : undefined,
    pipeline: source.kind === 'pipeline' ? source.pipeline : undefined,
    existing: undefined,
  }
  const { Tasks: tasks } = await call('KilnDescribeTasks', {})
  return tasks.find(({ State: state, Subject: subject }) => state === 'running' && subject === subjects[source.kind])
}

async function findImageId({ call }: Workshop, { name, source }: LabImage): Promise<string | undefined> {
  // A pipeline that has just been built is not built again.
  if (source.kind === 'pipeline') return undefined
  const { Images: images } = await call('DescribeImages', {})
  return images?.find((image) => image.Name === name)?.ImageId
}

async function followTask(workshop: Workshop, taskId: string, tell: (text: string) => void): Promise<string> {
  const { call, signal } = workshop
  for (;;) {
    const { Tasks: tasks } = await call('KilnDescribeTasks', { TaskIds: [taskId] })
    const [task] = tasks
    if (!task) throw new Error('The daemon no longer knows the task.')
    if (task.State === 'succeeded') return task.ImageId ?? ''
    if (task.State !== 'running') throw new Error(task.Error?.Message ?? `The task was ${task.State}.`)
    tell(describeProgress(task))
    await sleep(pollIntervalMs, undefined, { signal }).catch(() => undefined)
    if (signal.aborted) {
      await call('KilnCancelTask', { TaskId: taskId })
      throw new Interruption('cancelled')
    }
  }
}

function describeProgress({ Stage: stage, DoneBytes: done, TotalBytes: total }: TaskDescription): string {
  if (done === undefined || !total) return stage
  return `${stage}, ${Math.floor((done / total) * 100)} % of ${(total / 1e6).toFixed(1)} MB`
}
