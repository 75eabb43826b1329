import { join } from 'node:path'
import { type Check, type HostView, ok, problem, warning } from './check.ts'

/** A line of config/debian-packages.txt. */
interface PackageEntry {
  readonly group: string
  readonly name: string
  /** Programs on the PATH, and files by their absolute paths. */
  readonly brings: readonly string[]
  readonly purpose: string
}

/** Reads the table that scripts/packages.sh installs from. */
export function parsePackageTable(text: string): PackageEntry[] {
  return text
    .split('\n')
    .filter((line) => /^[a-z]/.test(line))
    .map((line) => {
      const [group = '', name = '', brings = '', ...purpose] = line.trim().split(/\s+/)
      return { group, name, brings: brings.split(','), purpose: purpose.join(' ') }
    })
}

/** What servers need is a problem when it is missing; a warning, what only building images or some servers need. */
export function checkPackages(host: HostView, table: string): Check[] {
  const entries = parsePackageTable(table)
  return [
    {
      name: 'Programs for servers',
      run: async () => {
        const missing = await findMissing(host, entries, 'run')
        return missing.length === 0 ? ok('all there') : problem(describe(missing), installCommand(missing))
      },
    },
    {
      name: 'Programs for building images',
      run: async () => {
        const missing = await findMissing(host, entries, 'image')
        return missing.length === 0 ? ok('all there') : warning(describe(missing), installCommand(missing))
      },
    },
    {
      name: 'Programs for other architectures, UEFI and TPM',
      run: async () => {
        const missing = await findMissing(host, entries, 'option')
        return missing.length === 0 ? ok('all there') : warning(describe(missing), installCommand(missing))
      },
    },
  ]
}

interface Missing extends PackageEntry {
  readonly absent: readonly string[]
}

async function findMissing(host: HostView, entries: readonly PackageEntry[], group: string): Promise<Missing[]> {
  const missing: Missing[] = []
  for (const entry of entries.filter((candidate) => candidate.group === group)) {
    const absent: string[] = []
    for (const item of entry.brings) if (!(await isThere(host, item))) absent.push(item)
    if (absent.length > 0) missing.push({ ...entry, absent })
  }
  return missing
}

async function isThere(host: HostView, item: string): Promise<boolean> {
  if (item.startsWith('/')) return await host.isUsable(item, 'exists')
  for (const directory of host.searchPath.split(':')) {
    if (await host.isUsable(join(directory, item), 'execute')) return true
  }
  return false
}

function describe(missing: readonly Missing[]): string {
  return missing.map(({ absent, purpose }) => `${absent.join(' and ')} to ${purpose}`).join('; ') + ': not found'
}

function installCommand(missing: readonly Missing[]): string {
  const names = missing.map(({ name }) => name).join(' ')
  return `sudo apt-get install --no-install-recommends ${names}   (the names are Debian's)`
}
