import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { PolicyFile } from '../ec2/lifecycle/policy.ts'
import { policyName, policyOf, policySchema } from '../ec2/lifecycle/policy-schema.ts'
import type { Scope } from '../ec2/ports/store.ts'
import { ConfigurationError, parseYamlFile } from './yaml-file.ts'

const extension = '.yaml'
const maximumBytes = 64 * 1024

/** The policies that `lifecycle/NAME.yaml` say; one that cannot be read says why. There may be no such directory. */
export function readLifecycleFiles(directory: string, home: Scope): PolicyFile[] {
  return listNames(directory).map((file) => {
    const path = join(directory, file)
    const name = basename(file, extension)
    try {
      if (!policyName.test(name)) throw new ConfigurationError(`${path}: expected a name of a-z, 0-9 and -`)
      const text = readFileSync(path, 'utf8')
      if (text.length > maximumBytes) throw new ConfigurationError(`${path}: it has more than ${maximumBytes} bytes`)
      return { name, path, policy: policyOf(name, text, parseYamlFile(text, path, policySchema), home) }
    } catch (error) {
      return { name, path, problem: error instanceof Error ? error.message : String(error) }
    }
  })
}

function listNames(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => name.endsWith(extension))
      .sort()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}
