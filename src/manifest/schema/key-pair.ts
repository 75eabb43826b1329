import sshpk from 'sshpk'
import { z } from 'zod'
import { closed, countPresent, fail } from './closed.ts'
import type { ManifestScope } from './scope.ts'

/** An entry of `keyPairs`: made, or imported. */
export function keyPairSchema(scope: ManifestScope) {
  return closed({
    type: z.enum(['ed25519', 'rsa']).optional().describe('Make one; its private key is kept for `kiln ssh`'),
    publicKeyFile: publicKeyFile(scope).optional().describe('Import this public key; ~ is your home directory'),
  })
    .refine((value) => countPresent(value, ['type', 'publicKeyFile']) === 1, {
      error: 'expected exactly one of type, publicKeyFile.',
      when: () => true,
    })
    .meta({ oneOf: [{ required: ['type'] }, { required: ['publicKeyFile'] }] })
}

function publicKeyFile({ files }: ManifestScope) {
  return z
    .string()
    .min(1)
    .superRefine(async (path, context) => {
      const file = await files?.read(path)
      if (!file) return
      if ('problem' in file) return fail(context, file.problem)
      const problem = checkPublicKey(file.content.toString('utf8'), path)
      if (problem) fail(context, problem)
    })
}

function checkPublicKey(text: string, path: string): string | undefined {
  if (text.includes('PRIVATE KEY')) return `${path} is a private key; name its public half, often ${path}.pub.`
  if (!/^ssh-(ed25519|rsa) /.test(text)) return `${path} is no OpenSSH public key of type ed25519 or rsa.`
  try {
    sshpk.parseKey(text.trim(), 'ssh')
    return undefined
  } catch {
    return `${path} is no OpenSSH public key.`
  }
}
