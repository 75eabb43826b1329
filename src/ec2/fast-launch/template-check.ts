import { stat } from 'node:fs/promises'
import { readMark } from '../../host/file-mark.ts'
import type { StatePaths } from '../../host/state-paths.ts'
import type { DiskHost } from '../ports/disk.ts'
import type { Store } from '../ports/store.ts'
import type { WarmTemplateRecord } from './fast-launch.ts'
import { templateFilesOf } from './template-files.ts'

/**
 * Makes the look whether a template's files are what they were when it was made. All of its memory is read only when somebody has touched the
 * file since; what its devices are is looked at as they are loaded.
 */
export function createTemplateCheck({
  store,
  paths,
  disks,
}: {
  store: Store
  paths: StatePaths
  disks: Pick<DiskHost, 'digest'>
}): (template: WarmTemplateRecord) => Promise<boolean> {
  return async ({ id, warm }) => {
    if (!warm || store.layers.find(warm.layerId) === undefined) return false
    const files = templateFilesOf(paths, id)
    const devices = await stat(files.devices).catch(() => undefined)
    if (devices?.size !== warm.devices.sizeBytes) return false
    const mark = await readMark(files.memory)
    if (mark === warm.memory.mark) return true
    if (mark === undefined || (await disks.digest(files.memory, 'sha256')) !== warm.memory.sha256) return false
    store.transaction(() => {
      const present = store.warmTemplates.find(id)
      if (!present?.warm) return
      store.warmTemplates.replace({ ...present, warm: { ...present.warm, memory: { ...warm.memory, mark } } })
    })
    return true
  }
}
