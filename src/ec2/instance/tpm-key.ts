import { createPublicKey } from 'node:crypto'
import { join } from 'node:path'
import type { Domain } from '../domain.ts'
import { incorrectInstanceState, unsupportedOperation } from '../errors.ts'
import { findOne } from '../ids.ts'
import type { Ec2Query } from '../operation.ts'

/** GetInstanceTpmEkPub: the key by which the instance's TPM is known. */
export function getInstanceTpmEkPub({ store, paths, machines }: Domain): Ec2Query<'GetInstanceTpmEkPub'> {
  return {
    kind: 'query',
    parameters: ['InstanceId', 'KeyType', 'KeyFormat'],
    answer: async (context, input) => {
      const instance = findOne('i', input.InstanceId ?? '', (id) => store.instances.get(context, id))
      if (!instance.tpmSupport) throw unsupportedOperation(`The instance ${instance.id} has no TPM.`)
      const keys = await machines.readEndorsementKeys(join(paths.machines, instance.id))
      if (!keys) throw incorrectInstanceState(instance.id, 'asked for the key of its TPM: it has not been started yet')
      const { KeyType: type = 'rsa-2048', KeyFormat: format } = input
      const key = Buffer.from(keys[type], 'base64')
      const value = format === 'tpmt' ? key : toDer(key)
      return {
        InstanceId: instance.id,
        KeyType: type,
        ...(format ? { KeyFormat: format } : {}),
        KeyValue: value.toString('base64'),
      }
    },
  }
}

const rsaAlgorithm = 1

/** SubjectPublicKeyInfo of a TPMT_PUBLIC (TPM 2.0 Library, part 2, 12.2.4) that is a storage key. */
export function toDer(key: Buffer): Buffer {
  const isRsa = key.readUInt16BE(0) === rsaAlgorithm
  // Type, name algorithm, attributes, policy; symmetric algorithm with its bits and mode; scheme.
  const parameters = 8 + 2 + key.readUInt16BE(8) + 6 + 2
  // Bits and exponent, or curve and key derivation.
  const first = takeSized(key, parameters + (isRsa ? 6 : 4))
  const encode = (bytes: Buffer) => bytes.toString('base64url')
  const jwk = isRsa
    ? { kty: 'RSA', n: encode(first.bytes), e: 'AQAB' }
    : { kty: 'EC', crv: 'P-384', x: encode(first.bytes), y: encode(takeSized(key, first.end).bytes) }
  return createPublicKey({ key: jwk, format: 'jwk' }).export({ format: 'der', type: 'spki' })
}

function takeSized(key: Buffer, start: number): { bytes: Buffer; end: number } {
  const end = start + 2 + key.readUInt16BE(start)
  return { bytes: key.subarray(start + 2, end), end }
}
