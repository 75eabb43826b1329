import { expect, test } from 'vitest'
import type { FirewallRule } from '../../../../src/ec2/ports/firewall.ts'
import type { VpcNetwork } from '../../../../src/ec2/ports/vpc-network.ts'
import { analysePath, type PathAnalysis, type PathEnd } from '../../../../src/ec2/reachability/analyse-path.ts'
import { describeHop } from '../../../../src/ec2/reachability/describe-hop.ts'
import { sampleInterface, sampleVpc } from '../../network/sample-vpc.ts'

const all: FirewallRule = { protocol: 'all', cidr: '0.0.0.0/0' }
const peering = { id: 'pcx-1', isInterRegion: false }
const toPeer = { kind: 'peering', peeringConnectionId: 'pcx-1' } as const

/** 172.31.0.5 with a route to the other VPC. */
function near(changes: Partial<VpcNetwork> = {}): VpcNetwork {
  return sampleVpc({
    subnets: [{ id: 'subnet-1', cidr: '172.31.0.0/20', routes: [{ destination: '10.2.0.0/16', target: toPeer }] }],
    groups: [{ id: 'sg-1', ingress: [], egress: [all] }],
    interfaces: [sampleInterface(5)],
    peerings: [{ ...peering, peerVpcId: 'vpc-2', cidrs: ['10.2.0.0/16'], groups: [] }],
    ...changes,
  })
}

/** 10.2.0.7, which lets in whoever has the other VPC's group. */
function far(changes: Partial<VpcNetwork> = {}): VpcNetwork {
  return sampleVpc({
    id: 'vpc-2',
    cidr: '10.2.0.0/16',
    subnets: [{ id: 'subnet-7', cidr: '10.2.0.0/20', routes: [{ destination: '172.31.0.0/16', target: toPeer }] }],
    groups: [
      {
        id: 'sg-7',
        ingress: [{ id: 'sgr-7', protocol: 'tcp', fromPort: 80, toPort: 80, groupId: 'sg-1' }],
        egress: [all],
      },
    ],
    interfaces: [sampleInterface(7, { subnetId: 'subnet-7', privateIp: '10.2.0.7', groupIds: ['sg-7'] })],
    peerings: [
      { ...peering, peerVpcId: 'vpc-1', cidrs: ['172.31.0.0/16'], groups: [{ id: 'sg-1', addresses: ['172.31.0.5'] }] },
    ],
    ...changes,
  })
}

function ask(one: VpcNetwork, other: VpcNetwork | undefined, address = '10.2.0.7', port = 80): PathAnalysis {
  const [owner] = one.interfaces
  if (!owner) throw new Error('no interface')
  const destination: PathEnd = { kind: 'outside', address }
  return analysePath(
    one,
    { protocol: 'tcp', source: { kind: 'interface', owner }, destination, port },
    { peerOf: () => other },
  )
}

const reasons = ({ obstacles }: PathAnalysis) =>
  obstacles.map(({ code, isOfAnswer }) => (isOfAnswer ? `answer ${code}` : code))

test('a connection goes through both VPCs, and its answer back', () => {
  const analysis = ask(near(), far())
  expect(reasons(analysis)).toEqual([])
  expect(analysis.isFound).toBe(true)
  expect(analysis.forward.map(describeHop)).toMatchInlineSnapshot(`
    [
      "eni-00000000000000005",
      "sg-1 egress rule : all 0.0.0.0/0",
      "network ACL of subnet-1 egress: lets everything pass",
      "route table of subnet-1: 10.2.0.0/16 -> pcx-1",
      "pcx-1",
      "network ACL of subnet-7 ingress: lets everything pass",
      "sg-7 ingress rule sgr-7: tcp 80 sg-1",
      "eni-00000000000000007",
    ]
  `)
  expect(analysis.back.map(describeHop)).toMatchInlineSnapshot(`
    [
      "eni-00000000000000007",
      "network ACL of subnet-7 egress: lets everything pass",
      "route table of subnet-7: 172.31.0.0/16 -> pcx-1",
      "pcx-1",
      "network ACL of subnet-1 ingress: lets everything pass",
      "eni-00000000000000005",
    ]
  `)
})

test.each([
  ['a port that no rule there names', near(), far(), '10.2.0.7', 443, ['ENI_SG_RULES_MISMATCH']],
  [
    'a group that the sender is not in',
    near(),
    far({
      peerings: [
        {
          ...peering,
          peerVpcId: 'vpc-1',
          cidrs: ['172.31.0.0/16'],
          groups: [{ id: 'sg-1', addresses: ['172.31.0.6'] }],
        },
      ],
    }),
    '10.2.0.7',
    80,
    ['ENI_SG_RULES_MISMATCH'],
  ],
  ['an address that nobody there has', near(), far(), '10.2.0.8', 80, ['NO_POSSIBLE_DESTINATION']],
  [
    'an address of neither VPC',
    near({
      subnets: [{ id: 'subnet-1', cidr: '172.31.0.0/20', routes: [{ destination: '0.0.0.0/0', target: toPeer }] }],
    }),
    far(),
    '192.0.2.1',
    80,
    ['NO_ROUTE_TO_DESTINATION', 'NO_POSSIBLE_DESTINATION'],
  ],
  [
    'no way back',
    near(),
    far({ subnets: [{ id: 'subnet-7', cidr: '10.2.0.0/20', routes: [] }] }),
    '10.2.0.7',
    80,
    ['answer NO_ROUTE_TO_DESTINATION'],
  ],
  [
    'a network ACL there',
    near(),
    far({
      subnets: [
        {
          id: 'subnet-7',
          cidr: '10.2.0.0/20',
          routes: [{ destination: '172.31.0.0/16', target: toPeer }],
          acl: { ingress: [], egress: [{ ...all, isAllowed: true }] },
        },
      ],
    }),
    '10.2.0.7',
    80,
    ['SUBNET_ACL_RESTRICTION'],
  ],
  ['a connection that is gone', near({ peerings: [] }), far(), '10.2.0.7', 80, ['BAD_STATE_ROUTE']],
  ['a VPC that is not to be looked into', near(), undefined, '10.2.0.7', 80, ['BAD_STATE']],
])('%s stops it', (_why, one, other, address, port, expected) => {
  const analysis = ask(one, other, address, port)
  expect(reasons(analysis)).toEqual(expected)
  expect(analysis.isFound).toBe(false)
})

test('a NAT gateway there is answered for what it asks under its own address', () => {
  const one = near({
    subnets: [
      {
        id: 'subnet-1',
        cidr: '172.31.0.0/20',
        routes: [{ destination: '10.2.0.0/16', target: { kind: 'nat', natGatewayId: 'nat-1' } }],
      },
      { id: 'subnet-2', cidr: '172.31.16.0/20', routes: [{ destination: '10.2.0.0/16', target: toPeer }] },
    ],
    natGateways: [{ id: 'nat-1', subnetId: 'subnet-2', privateIp: '172.31.16.9', isPublic: false }],
  })
  const other = far({ groups: [{ id: 'sg-7', ingress: [{ protocol: 'tcp', cidr: '172.31.16.9/32' }], egress: [] }] })
  expect(reasons(ask(one, other))).toEqual([])
})
