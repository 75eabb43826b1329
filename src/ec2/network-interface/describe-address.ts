import type { NetworkInterfaceAssociation } from '@aws-sdk/client-ec2'
import type { Store } from '../ports/store.ts'
import { givesPublicNames } from '../vpc/vpc.ts'
import { privateNameOf, publicNameOf } from './dns-name.ts'
import { addressesOf, type InterfaceRecord, type PrivateAddress } from './network-interface.ts'

/** A private address of an interface with its names and what stands for it, in EC2's shape. */
export interface AddressDescription {
  readonly Primary: boolean
  readonly PrivateIpAddress: string
  readonly PrivateDnsName: string
  readonly Association?: NetworkInterfaceAssociation
}

/** All private addresses of an interface, the primary one first. */
export function describeAddressesOf(
  store: Store,
  record: InterfaceRecord,
): [AddressDescription, ...AddressDescription[]] {
  const hasNames = hasPublicNames(store, record)
  const describe = (address: PrivateAddress): AddressDescription => ({
    Primary: address.isPrimary,
    PrivateIpAddress: address.privateIp,
    PrivateDnsName: privateNameOf(address.privateIp, record.region),
    ...(address.publicIp
      ? {
          Association: {
            IpOwnerId: address.elasticIp ? record.accountId : 'amazon',
            PublicIp: address.publicIp,
            PublicDnsName: hasNames ? publicNameOf(address.publicIp, record.region) : '',
            ...(address.elasticIp
              ? { AllocationId: address.elasticIp.allocationId, AssociationId: address.elasticIp.associationId }
              : {}),
          },
        }
      : {}),
  })
  const [primary, ...secondary] = addressesOf(record)
  return [describe(primary), ...secondary.map(describe)]
}

/** Whether what stands for an interface outside has a name. */
export function hasPublicNames(store: Store, { vpcId }: InterfaceRecord): boolean {
  const vpc = store.vpcs.find(vpcId)
  return vpc !== undefined && givesPublicNames(vpc)
}
