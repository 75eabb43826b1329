import type { Domain } from '../../ec2/domain.ts'
import {
  createKeyPair,
  deleteKeyPair,
  describeKeyPairs,
  importKeyPair,
} from '../../ec2/key-pair/key-pair-operations.ts'
import type { AnyOperation } from '../dispatch.ts'

export function keyPairOperations(domain: Domain) {
  return {
    CreateKeyPair: createKeyPair(domain),
    ImportKeyPair: importKeyPair(domain),
    DescribeKeyPairs: describeKeyPairs(domain),
    DeleteKeyPair: deleteKeyPair(domain),
  } satisfies Record<string, AnyOperation>
}
