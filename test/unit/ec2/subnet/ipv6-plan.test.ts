import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Store } from '../../../../src/ec2/ports/store.ts'
import { drawIpv6Addresses, requireFreeIpv6 } from '../../../../src/ec2/subnet/ipv6-plan.ts'
import type { SubnetRecord } from '../../../../src/ec2/subnet/subnet.ts'
import { openStore } from '../../../../src/store/store.ts'

const scope = { accountId: '123456789012', region: 'us-east-1' }
const subnet = {
  ...scope,
  id: 'subnet-1',
  cidr: '10.0.0.0/24',
  ipv6: { id: 'subnet-cidr-assoc-1', cidr: 'fd12:3456:789a:1::/64' },
} as unknown as SubnetRecord

let directory: string
let store: Store

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kiln-ipv6-plan-'))
  store = openStore(join(directory, 'kiln.db'))
})
afterEach(async () => {
  store.close()
  await rm(directory, { recursive: true })
})

/** Draws what is told, as the last bytes of 16, and then the first one again and again. */
function drawing(...numbers: readonly bigint[]) {
  const left = [...numbers]
  const bytes = () => Buffer.from((left.shift() ?? numbers[0] ?? 0n).toString(16).padStart(32, '0'), 'hex')
  return { bytes, uuid: () => '' }
}

function put(id: string, subnetId: string, ...ipv6Addresses: string[]): void {
  store.transaction(() =>
    store.interfaces.insert({ ...scope, id, subnetId, privateIp: '10.0.0.9', ipv6Addresses } as never),
  )
}

const codeOf = (work: () => unknown) => {
  try {
    work()
    return undefined
  } catch (error) {
    return (error as { code?: string }).code
  }
}

test('draws addresses from the whole of the block, but none that is reserved, taken or drawn already', () => {
  put('eni-1', 'subnet-1', 'fd12:3456:789a:1::77')
  store.transaction(() => {
    store.cidrReservations.insert({ ...scope, id: 'scr-1', subnetId: 'subnet-1', cidr: '10.0.0.16/28' } as never)
    store.cidrReservations.insert({
      ...scope,
      ...{ id: 'scr-2', subnetId: 'subnet-1', cidr: 'fd12:3456:789a:1:aaaa::/80' },
    } as never)
  })
  const last = 0xffff_ffff_ffff_ffffn
  const random = drawing(0n, 3n, last, 0x77n, 0xaaaa_0000_0000_0001n, 4n, 4n, last - 1n, 0x3304_8879_34cf_4071n)
  expect(drawIpv6Addresses({ store, random }, subnet, 3)).toEqual([
    'fd12:3456:789a:1::4',
    'fd12:3456:789a:1:ffff:ffff:ffff:fffe',
    'fd12:3456:789a:1:3304:8879:34cf:4071',
  ])
})

test('takes a chosen address in any spelling, and only a free one of the block', () => {
  const take = (text: string) => requireFreeIpv6(store, subnet, text)
  expect(take('FD12:3456:789A:0001:0:0:0:000a')).toBe('fd12:3456:789a:1::a')
  put('eni-1', 'subnet-1', 'fd12:3456:789a:1::a')
  put('eni-2', 'subnet-2', 'fd12:3456:789a:1::b')
  expect(codeOf(() => take('fd12:3456:789a:1:0::a'))).toBe('InvalidIPAddress.InUse')
  expect(take('fd12:3456:789a:1::b')).toBe('fd12:3456:789a:1::b')
  for (const text of [
    ...['fd12:3456:789a:1::', 'fd12:3456:789a:1::3', 'fd12:3456:789a:1:ffff:ffff:ffff:ffff', 'fd12:3456:789a:2::5'],
    ...['10.0.0.5', '::ffff:10.0.0.5', 'fe80::1%eth0', '', 'fd12:3456:789a:1::5/128'],
  ]) {
    expect(
      codeOf(() => take(text)),
      text,
    ).toBe('InvalidParameterValue')
  }
})

test('a subnet without a block has no IPv6 addresses', () => {
  const { ipv6: _ipv6, ...plain } = subnet
  expect(codeOf(() => drawIpv6Addresses({ store, random: drawing(5n) }, plain, 1))).toBe('InvalidParameterValue')
  expect(codeOf(() => requireFreeIpv6(store, plain, 'fd12:3456:789a:1::5'))).toBe('InvalidParameterValue')
})
