import { expect, test } from 'vitest'
import { analyseEndpointPath } from '../../../../src/ec2/reachability/connect-endpoint-path.ts'
import { describeHop } from '../../../../src/ec2/reachability/describe-hop.ts'
import { sampleInterface, sampleVpc } from '../../network/sample-vpc.ts'

const owner = sampleInterface(5)
const endpoint = { id: 'eice-1', privateIp: '172.31.0.50', groupIds: ['sg-3'] }
const source = { interfaceId: 'eni-9', subnetId: 'subnet-1', address: endpoint.privateIp, groupIds: endpoint.groupIds }
const ssh = { protocol: 'tcp', fromPort: 22, toPort: 22, groupId: 'sg-3' } as const
const out = { protocol: 'all', cidr: '172.31.0.0/16' } as const

function vpcWith(ingress: readonly object[], egress: readonly object[]) {
  return sampleVpc({
    groups: [
      { id: 'sg-1', ingress: ingress as (typeof ssh)[], egress: [] },
      { id: 'sg-3', ingress: [], egress: egress as (typeof out)[] },
    ],
    connectEndpoints: [endpoint],
  })
}

test('what the groups of both let through comes about, whatever network ACLs and routes say', () => {
  const vpc = vpcWith([ssh], [out])
  const subnets = vpc.subnets.map((subnet) => ({ ...subnet, routes: [], acl: { ingress: [], egress: [] } }))
  const analysis = analyseEndpointPath({ ...vpc, subnets }, source, { owner }, { protocol: 'tcp', port: 22 })
  expect(analysis).toMatchObject({ isFound: true, obstacles: [] })
  expect(analysis.forward.map(describeHop)).toEqual([
    'eni-9',
    'sg-3 egress rule : all 172.31.0.0/16',
    'sg-1 ingress rule : tcp 22 sg-3',
    owner.id,
  ])
})

test.each([
  ['the endpoint lets nothing out', [ssh], [], 'tcp', 22, source.address, ['SG_HAS_NO_RULES']],
  ['the instance lets another port in', [ssh], [out], 'tcp', 80, source.address, ['ENI_SG_RULES_MISMATCH']],
  ['neither does', [], [], 'tcp', 22, source.address, ['SG_HAS_NO_RULES', 'SG_HAS_NO_RULES']],
  ['an endpoint carries no UDP', [ssh], [out], 'udp', 22, source.address, ['NO_POSSIBLE_DESTINATION']],
  ['an endpoint has no IPv6 address', [ssh], [out], 'tcp', 22, undefined, ['NO_POSSIBLE_DESTINATION']],
] as const)('it does not, for %s', (_, ingress, egress, protocol, port, address, codes) => {
  const vpc = vpcWith(ingress, egress)
  const analysis = analyseEndpointPath(vpc, { ...source, address }, { owner }, { protocol, port })
  expect(analysis).toMatchObject({ isFound: false, back: [] })
  expect(analysis.obstacles.map(({ code }) => code)).toEqual(codes)
})
