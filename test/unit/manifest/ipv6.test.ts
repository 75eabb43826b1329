import { expect, test } from 'vitest'
import { launchInstance } from '../../../src/manifest/apply/instance-work.ts'
import type { Workshop } from '../../../src/manifest/apply/workshop.ts'
import { addressesIn, hasIpv6 } from '../../../src/manifest/ipv6.ts'
import { type Lab, labTag } from '../../../src/manifest/lab.ts'
import type { Observed } from '../../../src/manifest/observed.ts'
import { noNetwork } from '../../../src/manifest/observed-network.ts'
import { parseManifest } from '../../../src/manifest/parse.ts'
import { findFatalDifferences } from '../../../src/manifest/plan/compare-instance.ts'
import type { Launch } from '../../../src/manifest/plan/plan.ts'

const block = 'fd12:3456:789a:1::/64'
const own = (end: string) => `fd12:3456:789a:1${end}`

async function labOf(ipv6: string): Promise<Lab> {
  const text = `
name: dual
images: { base: { recipe: nano } }
vpc: { cidr: 10.20.0.0/16 }
subnets: { a: { cidr: 10.20.0.0/24 } }
instances: { web: { image: base, subnet: a, ipv6: ${ipv6} } }
`
  return (await parseManifest({ text, file: 'lab.yaml' })).lab
}

test('the end of an address is one of the subnet, a whole one stays', () => {
  const listed = ['::10', '::1:2:3:4', own('::99')]
  expect(addressesIn(block, listed)).toEqual([own('::10'), own(':1:2:3:4'), own('::99')])
})

test.each([
  [true, [own('::5')], true],
  [true, [], false],
  [false, [], true],
  [false, [own('::5')], false],
  [['::5', own('::6')], [own('::6'), own('::5')], true],
  [['::5'], [own('::5'), own('::6')], false],
  [['::5'], [own('::6')], false],
])('%j is met by %j: %s', (wanted, addresses, isMet) => {
  expect(hasIpv6(wanted, addresses)).toBe(isMet)
})

test('another address makes a new instance, and says which', async () => {
  const lab = await labOf('["::A", "::b"]')
  const wanted = lab.instances.get('web')
  if (!wanted) throw new Error('no instance')
  const differences = (...addresses: string[]) => {
    const found: Observed['instances'][number] = {
      address: 'instances.web[0]',
      record: {
        SubnetId: 'subnet-1',
        Tags: [{ Key: labTag.image, Value: 'nano' }],
        NetworkInterfaces: [
          { Attachment: { DeviceIndex: 0 }, Ipv6Addresses: addresses.map((address) => ({ Ipv6Address: address })) },
        ],
      },
      disableApiTermination: false,
      disableApiStop: false,
    }
    const subnet = { SubnetId: 'subnet-1', Tags: [{ Key: labTag.resource, Value: 'subnets.a' }] }
    const observed = { network: { ...noNetwork, subnets: [subnet] } }
    return findFatalDifferences({ lab, observed, replacedKeyPairs: new Set() }, wanted, found)
  }
  expect(differences(own('::b'), own('::a'))).toEqual([])
  expect(differences(own('::c'))).toEqual([{ name: 'ipv6', old: own('::c'), new: '::a, ::b', forcesReplacement: true }])
})

test.each([
  ['true', { Ipv6AddressCount: 1 }],
  ['false', { Ipv6AddressCount: 0 }],
  ['["::10"]', { Ipv6Addresses: [{ Ipv6Address: own('::10') }] }],
])('ipv6: %s is launched so', async (text, expected) => {
  const ipv6 = (await labOf(text)).instances.get('web')?.ipv6
  const inputs: unknown[] = []
  const call = async (operation: string, input: unknown) => {
    if (operation === 'RunInstances') inputs.push(input)
    const gone = { Ipv6CidrBlock: 'fd00::/64', Ipv6CidrBlockState: { State: 'disassociated' } }
    const there = { Ipv6CidrBlock: block, Ipv6CidrBlockState: { State: 'associated' } }
    return { Subnets: [{ Ipv6CidrBlockAssociationSet: [gone, there] }] }
  }
  const workshop = { call, ids: new Map([['subnets.a', 'subnet-1']]), signal: new AbortController().signal }
  const launch = { address: 'instances.web[0]', image: 'ami-1', groups: [], tags: {}, subnet: 'subnets.a', ipv6 }
  await launchInstance(workshop as unknown as Workshop, { ...launch, sourceDestCheck: true } as unknown as Launch)
  expect(inputs).toEqual([expect.objectContaining(expected)])
})
