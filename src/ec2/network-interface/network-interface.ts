import { Ec2Error } from '../errors.ts'
import type { NetworkDeviceSpec } from '../ports/machine-spec.ts'
import type { ResourceRecord } from '../ports/store.ts'

/** An elastic network interface. */
export interface InterfaceRecord extends ResourceRecord {
  readonly vpcId: string
  readonly subnetId: string
  readonly availabilityZone: string
  readonly description: string
  /** Lower case. */
  readonly macAddress: string
  readonly privateIp: string
  readonly groupIds: readonly string[]
  readonly hasSourceDestCheck: boolean
  /** Whether a public address is given at each start of its instance. */
  readonly wantsPublicIp: boolean
  /** What stands for the primary private address: given at a start, or an elastic address. */
  readonly publicIp?: string
  /** When `publicIp` is an elastic address. */
  readonly elasticIp?: ElasticIp
  readonly secondaryIps?: readonly SecondaryIp[]
  /** In their canonical form (RFC 5952), in the order in which they were assigned; absent: none. */
  readonly ipv6Addresses?: readonly string[]
  /** Whether the first of `ipv6Addresses` is the primary one, which stays for as long as the interface; absent: it is not. */
  readonly hasPrimaryIpv6?: boolean
  readonly attachment?: InterfaceAttachment
  /** The NAT gateway that it belongs to: users see it and change nothing of it. */
  readonly natGatewayId?: string
  /** The EC2 Instance Connect Endpoint that it belongs to, likewise. */
  readonly connectEndpointId?: string
}

/** The elastic address that stands for a private one: src/ec2/address/association.ts keeps it in step with the address's own record. */
export interface ElasticIp {
  readonly allocationId: string
  readonly associationId: string
}

/** A private address besides the primary one. */
export interface SecondaryIp {
  readonly privateIp: string
  readonly publicIp?: string
  readonly elasticIp?: ElasticIp
}

export interface InterfaceAttachment {
  readonly id: string
  readonly instanceId: string
  readonly deviceIndex: number
  readonly attachTime: string
  readonly deleteOnTermination: boolean
  /** Between the call and the machine's doing it; absent: attached. */
  readonly state?: 'attaching' | 'detaching'
  /** `detaching` shall not wait for the guest. */
  readonly isForced?: boolean
}

/** One private address of an interface, whether primary or not. */
export interface PrivateAddress extends SecondaryIp {
  readonly isPrimary: boolean
}

/** EC2's word for whether an interface is attached. */
export function statusOf(record: InterfaceRecord): 'available' | 'in-use' {
  return record.attachment || holderOf(record) !== undefined ? 'in-use' : 'available'
}

/** What an interface belongs to that is no instance: users see it and change nothing of it. */
export function holderOf({ natGatewayId, connectEndpointId }: InterfaceRecord): string | undefined {
  return natGatewayId ?? connectEndpointId
}

/** Throws OperationNotPermitted for the interface of a gateway or an endpoint, which only the holder's own operations change. */
export function requireUsersOwn(record: InterfaceRecord): void {
  const holder = holderOf(record)
  if (holder === undefined) return
  throw new Ec2Error('OperationNotPermitted', `You are not allowed to manage '${record.id}': it belongs to ${holder}.`)
}

/** All private addresses of an interface, the primary one first. */
export function addressesOf({
  privateIp,
  publicIp,
  elasticIp,
  secondaryIps = [],
}: InterfaceRecord): [PrivateAddress, ...PrivateAddress[]] {
  return [
    { isPrimary: true, privateIp, ...(publicIp ? { publicIp } : {}), ...(elasticIp ? { elasticIp } : {}) },
    ...secondaryIps.map((secondary) => ({ isPrimary: false, ...secondary })),
  ]
}

/** An IPv6 address of an interface in EC2's shape. */
export interface Ipv6Description {
  readonly Ipv6Address: string
  readonly IsPrimaryIpv6: boolean
}

/** The IPv6 addresses of an interface as EC2 tells them, with the first one by itself where there is one. */
export function describeIpv6Of({ ipv6Addresses = [], hasPrimaryIpv6 = false }: InterfaceRecord): {
  readonly Ipv6Address?: string
  readonly Ipv6Addresses: Ipv6Description[]
} {
  const [first] = ipv6Addresses
  return {
    ...(first === undefined ? {} : { Ipv6Address: first }),
    Ipv6Addresses: ipv6Addresses.map((address, index) => ({
      Ipv6Address: address,
      IsPrimaryIpv6: hasPrimaryIpv6 && index === 0,
    })),
  }
}

/** What stands for a private address on the outside. */
type PublicSide = Pick<SecondaryIp, 'publicIp' | 'elasticIp'>

/** The interface with another public address for one of its private ones; with none when `side` is undefined. */
export function withPublicIp(
  record: InterfaceRecord,
  privateIp: string,
  side: PublicSide | undefined,
): InterfaceRecord {
  if (record.privateIp === privateIp) {
    const { publicIp: _publicIp, elasticIp: _elasticIp, ...rest } = record
    return { ...rest, ...side }
  }
  const secondaryIps = (record.secondaryIps ?? []).map((secondary) =>
    secondary.privateIp === privateIp ? { privateIp, ...side } : secondary,
  )
  return { ...record, secondaryIps }
}

/** The device that a machine has for an interface. Its port is its index. */
export function networkDeviceOf(
  { id, macAddress }: InterfaceRecord,
  { deviceIndex }: InterfaceAttachment,
): NetworkDeviceSpec {
  return { id: `nic${deviceIndex}`, tapName: tapNameOf(id), mac: macAddress, port: deviceIndex }
}

/** The tap's name in its namespace: at most 15 characters (IFNAMSIZ), told apart by the id's last 12. */
export function tapNameOf(interfaceId: string): string {
  return `eni${interfaceId.slice(-12)}`
}
