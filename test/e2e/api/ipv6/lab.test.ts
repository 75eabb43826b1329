import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ApiLab, openApiLab, refusalOfSdk } from '../api-lab.ts'
import { blockIn } from './dual-stack-vpc.ts'

let api: ApiLab

beforeAll(async () => {
  api = await openApiLab()
})
afterAll(async () => {
  expect(await api.lab.close()).toEqual([])
})

const codeOf = async (name: string, input: object) => (await refusalOfSdk(api, name, input))?.code
const vpcOf = async (vpcId: string) => (await api.lab.call('DescribeVpcs', { VpcIds: [vpcId] })).Vpcs?.[0]

describe('a lab', () => {
  test('has a network of both families, which stays as it is, and goes again', async () => {
    const file = join(api.lab.home, 'dual.yaml')
    const manifest = [
      'name: dual',
      'vpc: { cidr: 10.40.0.0/16, ipv6: true }',
      'subnets:',
      '  web: { cidr: 10.40.0.0/24, ipv6: 5, assignIpv6: true, routes: { ::/0: internet } }',
      '  app: { cidr: 10.40.1.0/24, ipv6: true, routes: { ::/0: egressOnly } }',
      "securityGroups: { web: { ingress: [{ ports: 443, from: ['::/0'] }] } }",
    ]
    await writeFile(file, manifest.join('\n'))
    const up = async () => (await api.lab.kiln('up', '-f', file, '--yes')).stdout
    await up()
    const { Subnets: subnets } = await api.lab.call('DescribeSubnets', {
      Filters: [{ Name: 'tag:Name', Values: ['dual-*'] }],
    })
    const told = await vpcOf(subnets?.[0]?.VpcId ?? '')
    const block = told?.Ipv6CidrBlockAssociationSet?.[0]?.Ipv6CidrBlock ?? ''
    expect(
      subnets?.map((subnet) => [
        subnet.Ipv6CidrBlockAssociationSet?.[0]?.Ipv6CidrBlock,
        subnet.AssignIpv6AddressOnCreation,
      ]),
    ).toEqual(
      expect.arrayContaining([
        [blockIn(block, 5), true],
        [blockIn(block, 0), false],
      ]),
    )
    const { EgressOnlyInternetGateways: gateways } = await api.lab.call('DescribeEgressOnlyInternetGateways', {
      Filters: [{ Name: 'tag:Name', Values: ['dual'] }],
    })
    expect(gateways).toHaveLength(1)
    expect(await up()).toContain('No changes.')
    const { exitCode } = await api.lab.kiln('down', '-f', file, '--yes')
    expect(exitCode).toBe(0)
    expect(await codeOf('DescribeVpcs', { VpcIds: [subnets?.[0]?.VpcId] })).toBe('InvalidVpcID.NotFound')
  })
})
