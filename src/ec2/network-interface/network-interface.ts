import type { NetworkDeviceSpec } from '../ports/machine.ts'
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
  readonly attachment?: InterfaceAttachment
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
export function statusOf({ attachment }: InterfaceRecord): 'available' | 'in-use' {
  return attachment ? 'in-use' : 'available'
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
