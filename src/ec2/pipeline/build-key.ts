import { join } from 'node:path'
import { writeFileAtomic } from '../../host/files.ts'
import { buildTags, type BuildContext } from './build-context.ts'

/** The key pair that lets a build in to its servers. */
export interface BuildKey {
  readonly name: string
  readonly id: string
  /** In the private directory of its task, which goes with it. */
  readonly file: string
  readonly publicKey: string
}

export async function makeBuildKey(context: BuildContext): Promise<BuildKey> {
  const { call, scope, buildId, job, store } = context
  const name = `kiln-pipeline-${buildId}`
  const { KeyMaterial: material = '', KeyPairId: id = '' } = await call(scope, 'CreateKeyPair', {
    KeyName: name,
    KeyType: 'ed25519',
    TagSpecifications: [{ ResourceType: 'key-pair', Tags: buildTags(context) }],
  })
  const file = join(job.directory, 'key.pem')
  await writeFileAtomic(file, material, { mode: 0o600, isDurable: false })
  return { name, id, file, publicKey: store.keyPairs.find(id)?.publicKey ?? '' }
}
