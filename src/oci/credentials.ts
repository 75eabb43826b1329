import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { Ec2Error } from '../ec2/errors.ts'
import type { RegistryLogin } from '../ec2/ports/registry.ts'
import { writeFileAtomic } from '../host/files.ts'

/** Logins by registry, in files of the form of docker's `config.json`. */
export interface Credentials {
  /** Kiln's own file first, then docker's. */
  find(host: string): Promise<RegistryLogin | undefined>
  keep(host: string, login: RegistryLogin): Promise<void>
  /** From Kiln's own file; false when it had none. */
  forget(host: string): Promise<boolean>
}

const entrySchema = z.object({
  auth: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
})
const fileSchema = z.looseObject({ auths: z.record(z.string(), entrySchema).default({}) })
type AuthFile = z.infer<typeof fileSchema>

/** `ownPath` is written for its owner alone; `dockerPath` is read only. */
export function createCredentials({ ownPath, dockerPath }: { ownPath: string; dockerPath: string }): Credentials {
  return {
    find: async (host) => loginOf(await readAuthFile(ownPath), host) ?? loginOf(await readAuthFile(dockerPath), host),
    keep: async (host, { username, password }) => {
      const file = await readAuthFile(ownPath)
      const auth = Buffer.from(`${username}:${password}`).toString('base64')
      await writeAuthFile(ownPath, { ...file, auths: { ...file.auths, [host]: { auth } } })
    },
    forget: async (host) => {
      const file = await readAuthFile(ownPath)
      if (!(host in file.auths)) return false
      const { [host]: _forgotten, ...auths } = file.auths
      await writeAuthFile(ownPath, { ...file, auths })
      return true
    },
  }
}

async function writeAuthFile(path: string, file: AuthFile): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600 })
}

async function readAuthFile(path: string): Promise<AuthFile> {
  try {
    return fileSchema.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'EACCES'))
      return { auths: {} }
    throw new Ec2Error(
      'RegistryAccessDenied',
      `${path} holds logins of registries and cannot be read: mend or delete it.`,
    )
  }
}

/** Docker writes addresses as well as hosts: `https://index.docker.io/v1/`. */
function loginOf({ auths }: AuthFile, host: string): RegistryLogin | undefined {
  const names = host === 'docker.io' ? [host, 'index.docker.io'] : [host]
  for (const [name, entry] of Object.entries(auths)) {
    if (!names.includes(name.replace(/^https?:\/\//, '').replace(/\/.*$/, ''))) continue
    const { username, password } = entry
    if (username !== undefined && password !== undefined) return { username, password }
    const text = Buffer.from(entry.auth ?? '', 'base64').toString('utf8')
    const end = text.indexOf(':')
    if (end > 0) return { username: text.slice(0, end), password: text.slice(end + 1) }
  }
  return undefined
}
