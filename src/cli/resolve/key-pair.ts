import type { KeyPairInfo } from '@aws-sdk/client-ec2'
import type { Jsonified } from '../../api/contract.ts'
import type { KilnClient } from '../client.ts'
import { CliError, exitCode } from '../failure.ts'

/** The key pair of an id or a name. Throws CliError when there is none. */
export async function resolveKeyPair(client: KilnClient, name: string): Promise<Jsonified<KeyPairInfo>> {
  const { KeyPairs } = await client.call('DescribeKeyPairs', {})
  const found = KeyPairs?.find((pair) => pair.KeyPairId === name || pair.KeyName === name)
  if (found) return found
  throw new CliError(`There is no key pair ${name}.`, {
    exitCode: exitCode.notFound,
    hint: 'See what there is: kiln key ls. Make one with: kiln key create NAME',
  })
}
