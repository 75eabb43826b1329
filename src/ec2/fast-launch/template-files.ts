import { join } from 'node:path'
import { machineFile, type StatePaths, templateFile } from '../../host/state-paths.ts'

/** Where the files of a template lie. */
export interface TemplateFiles {
  readonly directory: string
  readonly memory: string
  readonly devices: string
  /** The root disk of the source, until it is a layer. */
  readonly disk: string
  /** What the source writes on its console. */
  readonly console: string
}

export function templateFilesOf(paths: StatePaths, templateId: string): TemplateFiles {
  const directory = join(paths.templates, templateId)
  return {
    directory,
    memory: join(directory, templateFile.memory),
    devices: join(directory, templateFile.devices),
    disk: join(directory, templateFile.disk),
    console: join(paths.machines, templateId, machineFile.consoleLog),
  }
}
