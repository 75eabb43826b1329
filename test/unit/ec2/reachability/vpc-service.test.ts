import { expect, test } from 'vitest'
import type { InstanceMetadataOptions } from '../../../../src/ec2/instance/instance.ts'
import { describeHop } from '../../../../src/ec2/reachability/describe-hop.ts'
import { analyseServicePath, serviceAt } from '../../../../src/ec2/reachability/vpc-service.ts'
import { sampleInterface, sampleVpc } from '../../network/sample-vpc.ts'

const options: InstanceMetadataOptions = {
  httpEndpoint: 'enabled',
  httpTokens: 'required',
  httpPutResponseHopLimit: 2,
  instanceMetadataTags: 'disabled',
}
const dual = sampleInterface(5, { ipv6Addresses: [{ address: 'fd12:3456:789a:1::5', names: [] }] })
const plain = sampleInterface(6)
const vpc = sampleVpc({ interfaces: [dual, plain] })

test.each([
  ['169.254.169.254', 'metadata'],
  ['fd00:ec2::254', 'metadata'],
  ['169.254.169.253', 'dns'],
  ['172.31.0.2', 'dns'],
  ['fd00:ec2::123', 'time'],
  ['172.31.0.5', undefined],
])('%s is the address of the service %s', (address, service) => {
  expect(serviceAt(vpc, address)).toBe(service)
})

test('a guest comes to the metadata service past groups and network ACLs', () => {
  const question = { protocol: 'tcp', port: 80, address: '169.254.169.254' } as const
  const analysis = analyseServicePath(vpc, 'metadata', plain, question, options)
  expect(analysis).toMatchObject({ isFound: true, obstacles: [] })
  expect(analysis.forward.map(describeHop)).toEqual([plain.id, 'metadata service (169.254.169.254)'])
  expect(analysis.back.map(describeHop)).toEqual(['metadata service (169.254.169.254)', plain.id])
})

test.each([
  ['metadata', plain, 'tcp', 443, '169.254.169.254', options, /answers tcp at port 80 of 169.254.169.254/],
  [
    'metadata',
    plain,
    'tcp',
    80,
    '169.254.169.254',
    { ...options, httpEndpoint: 'disabled' },
    /turned off \(HttpEndpoint\)/,
  ],
  ['metadata', dual, 'tcp', 80, 'fd00:ec2::254', options, /turned off for IPv6/],
  ['metadata', plain, 'tcp', 80, 'fd00:ec2::254', options, /has no IPv6 address/],
  ['time', plain, 'tcp', 123, '169.254.169.123', options, /answers udp at port 123/],
] as const)('%s is out of reach, and why is told', (service, owner, protocol, port, address, metadata, why) => {
  const { isFound, obstacles, back } = analyseServicePath(vpc, service, owner, { protocol, port, address }, metadata)
  expect([isFound, back]).toEqual([false, []])
  expect(obstacles.map(({ text }) => text)).toEqual([expect.stringMatching(why)])
})

test('the DNS server is out of reach where the VPC has turned it off', () => {
  const question = { protocol: 'udp', port: 53, address: '172.31.0.2' } as const
  expect(analyseServicePath(vpc, 'dns', plain, question, options).isFound).toBe(true)
  const { obstacles } = analyseServicePath({ ...vpc, hasDns: false }, 'dns', plain, question, options)
  expect(obstacles[0]?.text).toMatch(/DNS support of .* is turned off \(enableDnsSupport\)/)
})
