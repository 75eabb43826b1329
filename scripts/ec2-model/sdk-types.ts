import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Type of each member of each interface of the SDK, as its declarations spell it: `Filter[]`, `VolumeType`, `string`. */
export type MemberTypes = ReadonlyMap<string, ReadonlyMap<string, string>>

/**
 * Reads the SDK's type declarations. The schemas call every enumeration a string; only the declarations tell which it is.
 */
export function readMemberTypes(modelsDirectory: string): MemberTypes {
  const types = new Map<string, Map<string, string>>()
  for (const file of readdirSync(modelsDirectory)) {
    if (!/^models_\d+\.d\.ts$/.test(file)) continue
    let members: Map<string, string> | undefined
    for (const line of readFileSync(join(modelsDirectory, file), 'utf8').split('\n')) {
      const name = /^export interface (\w+)/.exec(line)?.[1]
      if (name !== undefined) {
        members = new Map()
        types.set(name, members)
        continue
      }
      const member = /^ {4}(\w+)\??: (.+?)(?: \| undefined)?;$/.exec(line)
      if (member?.[1] !== undefined && member[2] !== undefined) members?.set(member[1], member[2])
    }
  }
  return types
}
