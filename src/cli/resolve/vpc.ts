import type { Vpc } from '@aws-sdk/client-ec2'
import type { Jsonified } from '../../api/contract.ts'
import type { KilnClient } from '../client.ts'
import { CliError, exitCode } from '../failure.ts'

/** The VPC of an id or a Name tag; the default one when neither is given. Throws CliError. */
export async function resolveVpc(client: KilnClient, name: string | undefined): Promise<Jsonified<Vpc>> {
  const isId = name !== undefined && /^vpc-[0-9a-f]{8,17}$/.test(name)
  const filter =
    name === undefined ? { Name: 'is-default', Values: ['true'] } : { Name: 'tag:Name', Values: [escapeGlob(name)] }
  const { Vpcs: found = [] } = await client.call('DescribeVpcs', isId ? { VpcIds: [name] } : { Filters: [filter] })
  const [vpc] = found
  if (vpc === undefined) {
    throw new CliError(name === undefined ? 'This region has no default VPC.' : `There is no VPC ${name}.`, {
      exitCode: exitCode.notFound,
      hint: 'Give the id of one: aws ec2 describe-vpcs',
    })
  }
  if (found.length > 1) {
    throw new CliError(`${found.length} VPCs are named ${name}: ${found.map(({ VpcId }) => VpcId).join(', ')}.`, {
      exitCode: exitCode.ambiguous,
      hint: 'Give the id.',
    })
  }
  return vpc
}

/** Values of filters are patterns. */
function escapeGlob(text: string): string {
  return text.replace(/[*?\\]/g, '\\$&')
}
