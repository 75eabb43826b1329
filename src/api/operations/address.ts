import type { Domain } from '../../ec2/domain.ts'
import {
  describeAddressesAttribute,
  modifyAddressAttribute,
  resetAddressAttribute,
} from '../../ec2/address/address-attribute.ts'
import { allocateAddress, releaseAddress } from '../../ec2/address/allocate-address.ts'
import { associateAddress, disassociateAddress } from '../../ec2/address/associate-address.ts'
import { describeAddresses } from '../../ec2/address/describe-addresses.ts'
import type { AnyOperation } from '../dispatch.ts'

export function addressOperations(domain: Domain) {
  return {
    AllocateAddress: allocateAddress(domain),
    DescribeAddresses: describeAddresses(domain),
    AssociateAddress: associateAddress(domain),
    DisassociateAddress: disassociateAddress(domain),
    ReleaseAddress: releaseAddress(domain),
    DescribeAddressesAttribute: describeAddressesAttribute(domain),
    ModifyAddressAttribute: modifyAddressAttribute(domain),
    ResetAddressAttribute: resetAddressAttribute(domain),
  } satisfies Record<string, AnyOperation>
}
