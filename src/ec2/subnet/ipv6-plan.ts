import type { Random } from '../../host/random.ts'
import { Ec2Error, invalidParameterValue } from '../errors.ts'
import { canonicalIpv6, type Ipv6Block, ipv6OfNumber, numberOfIpv6, parseIpv6Block } from '../ipv6.ts'
import type { Store } from '../ports/store.ts'
import type { SubnetRecord } from './subnet.ts'

/** EC2 keeps the first four addresses and the last of each subnet ("Subnet sizing for IPv6"). */
const reservedAtStart = 4n
const addressBits = 128n
const bytesOfAddress = 16

/**
 * Free IPv6 addresses of a subnet, drawn at random as EC2 draws them, none of them from a reserved range. Throws InvalidParameterValue for
 * a subnet without a block.
 */
export function drawIpv6Addresses(
  { store, random }: { store: Store; random: Random },
  subnet: SubnetRecord,
  count: number,
): string[] {
  const block = requireIpv6Block(subnet)
  const reserved = store.cidrReservations
    .listBy('subnetId', subnet.id)
    .flatMap(({ cidr }) => (cidr.includes(':') ? (parseIpv6Block(cidr) ?? []) : []))
  const drawn = new Set<string>()
  while (drawn.size < count) {
    const number = block.base + (numberOfBytes(random.bytes(bytesOfAddress)) & (sizeOf(block) - 1n))
    const address = ipv6OfNumber(number)
    const isKeptBack = reserved.some(({ base, prefixLength }) => {
      const hostBits = addressBits - BigInt(prefixLength)
      return number >> hostBits === base >> hostBits
    })
    if (isUsable(block, number) && !isKeptBack && !isTaken(store, subnet, address)) drawn.add(address)
  }
  return [...drawn]
}

/**
 * An address that the client chose, in its canonical form. Throws InvalidParameterValue for what is no address or none of the subnet's,
 * InvalidIPAddress.InUse.
 */
export function requireFreeIpv6(store: Store, subnet: SubnetRecord, text: string): string {
  const address = canonicalIpv6(text)
  const number = numberOfIpv6(text)
  if (address === undefined || number === undefined) {
    throw invalidParameterValue('ipv6Address', text.slice(0, 80), 'Expected an IPv6 address.')
  }
  const block = requireIpv6Block(subnet)
  if (!isUsable(block, number)) {
    throw new Ec2Error(
      'InvalidParameterValue',
      `Address ${address} does not fall within the subnet's address range ${subnet.ipv6?.cidr}, of which the first four and the last are reserved`,
    )
  }
  if (isTaken(store, subnet, address)) throw new Ec2Error('InvalidIPAddress.InUse', `Address ${address} is in use.`)
  return address
}

function requireIpv6Block({ id, ipv6 }: SubnetRecord): Ipv6Block {
  const block = ipv6 && parseIpv6Block(ipv6.cidr)
  if (block) return block
  throw new Ec2Error(
    'InvalidParameterValue',
    `The subnet ${id} has no IPv6 CIDR block: give it one of its VPC's by AssociateSubnetCidrBlock.`,
  )
}

function isUsable(block: Ipv6Block, number: bigint): boolean {
  const offset = number - block.base
  return offset >= reservedAtStart && offset < sizeOf(block) - 1n
}

function isTaken(store: Store, { id }: SubnetRecord, address: string): boolean {
  return store.interfaces.listBy('ipv6Addresses[]', address).some(({ subnetId }) => subnetId === id)
}

function sizeOf({ prefixLength }: Ipv6Block): bigint {
  return 1n << (addressBits - BigInt(prefixLength))
}

function numberOfBytes(bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString('hex')}`)
}
