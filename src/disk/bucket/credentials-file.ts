import { readFile, stat } from 'node:fs/promises'
import { parse } from 'yaml'
import { z } from 'zod'
import { Ec2Error } from '../../ec2/errors.ts'

const schema = z.record(
  z.string(),
  z.strictObject({
    accessKeyId: z.string().min(1),
    secretAccessKey: z.string().min(1),
    sessionToken: z.string().min(1).optional(),
  }),
)

export type BucketCredentials = z.infer<typeof schema>[string]

/**
 * The keys of a bucket at an S3-compatible store, from the state directory's `bucket-credentials.yaml`; read anew each time, so that they
 * can be changed while the daemon runs. Rejects with AccessDenied, saying what to do, also when others can read the file. No error
 * tells what the file holds.
 */
export async function readBucketCredentials(path: string, bucket: string): Promise<BucketCredentials> {
  const example = `${bucket}: { accessKeyId: …, secretAccessKey: … }`
  try {
    const { mode } = await stat(path)
    if ((mode & 0o077) !== 0) throw denied(`${path} can be read by others: chmod 600 it.`)
  } catch (error) {
    if (error instanceof Ec2Error) throw error
    throw denied(`There is no file ${path} with the keys of the bucket ${bucket}: make it, with mode 600: ${example}`)
  }
  const found = schema.safeParse(await readYaml(path))
  if (!found.success) {
    const [issue] = found.error.issues
    throw denied(`${path} is not as it should be at ${issue?.path.join('.') || 'its start'}: expected ${example}`)
  }
  const own = Object.hasOwn(found.data, bucket) ? found.data[bucket] : undefined
  if (!own) throw denied(`${path} has no keys of the bucket ${bucket}: add ${example}`)
  return own
}

async function readYaml(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8')
  try {
    return parse(text)
  } catch {
    throw denied(`${path} is no YAML.`)
  }
}

function denied(message: string): Ec2Error {
  return new Ec2Error('AccessDenied', message, 403)
}
