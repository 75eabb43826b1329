import type { InstanceTypeInfo } from '@aws-sdk/client-ec2'
import type { Jsonified } from '../../api/contract.ts'
import type { KilnClient } from '../client.ts'

/** All instance types that match; every page. */
export async function listInstanceTypes(
  client: KilnClient,
  filters: { Name: string; Values: string[] }[] = [],
): Promise<Jsonified<InstanceTypeInfo>[]> {
  const found: Jsonified<InstanceTypeInfo>[] = []
  let token: string | undefined
  do {
    const answer = await client.call('DescribeInstanceTypes', {
      ...(filters.length > 0 ? { Filters: filters } : {}),
      ...(token ? { NextToken: token } : {}),
    })
    found.push(...(answer.InstanceTypes ?? []))
    token = answer.NextToken
  } while (token)
  return found
}
