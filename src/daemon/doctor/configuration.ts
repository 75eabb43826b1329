import { type Configuration, loadConfiguration } from '../configuration.ts'
import { ConfigurationError } from '../yaml-file.ts'
import { type Check, ok, problem } from './check.ts'

/** The configuration, or the defaults and what is wrong with it. */
export async function examineConfiguration(files: {
  configDirectory: string
  userPath: string
}): Promise<{ check: Check; configuration: Configuration }> {
  const name = 'Configuration'
  try {
    const configuration = await loadConfiguration(files)
    return { configuration, check: { name, run: async () => ok(files.userPath) } }
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    const configuration = await loadConfiguration({ ...files, userPath: '/dev/null' })
    const verdict = problem(error.message, 'Correct it; docs/reference/configuration.md has every key.')
    return { configuration, check: { name, run: async () => verdict } }
  }
}
