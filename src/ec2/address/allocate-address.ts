import type { Domain } from '../domain.ts'
import { Ec2Error, missingParameter } from '../errors.ts'
import { requireOneOf } from '../honoured.ts'
import { newId } from '../ids.ts'
import { findFreePublicIp } from '../network-interface/public-address.ts'
import type { Ec2Mutation } from '../operation.ts'
import { requireQuota } from '../quota.ts'
import { putTags, readTagSpecifications } from '../tag/tag.ts'
import { findAddress } from './find-address.ts'

/** AllocateAddress: a public address that is the account's until it is released. */
export function allocateAddress({ store, random, settings }: Domain): Ec2Mutation<'AllocateAddress'> {
  const operation = 'AllocateAddress'
  return {
    kind: 'mutation',
    parameters: ['Domain', 'PublicIpv4Pool', 'NetworkBorderGroup', 'TagSpecifications'],
    apply: (context, input) => {
      const { accountId, region } = context
      requireOneOf(operation, 'Domain', input.Domain, ['vpc'])
      requireOneOf(operation, 'PublicIpv4Pool', input.PublicIpv4Pool, ['amazon'])
      requireOneOf(operation, 'NetworkBorderGroup', input.NetworkBorderGroup, [region])
      const tags = readTagSpecifications(input.TagSpecifications, ['elastic-ip']).get('elastic-ip') ?? []
      const present = store.addresses.count(context)
      requireQuota(settings.quotas, 'elasticAddresses', { present, code: 'AddressLimitExceeded' })
      const publicIp = findFreePublicIp(store, settings.publicCidr)
      const id = newId('eipalloc', random)
      store.addresses.insert({ accountId, region, id, publicIp })
      putTags(store, context, id, 'elastic-ip', tags)
      return {
        AllocationId: id,
        PublicIp: publicIp,
        PublicIpv4Pool: 'amazon',
        NetworkBorderGroup: region,
        Domain: 'vpc',
      }
    },
  }
}

/** ReleaseAddress: refused while the address stands for an interface. */
export function releaseAddress({ store }: Domain): Ec2Mutation<'ReleaseAddress'> {
  return {
    kind: 'mutation',
    parameters: ['AllocationId', 'PublicIp', 'NetworkBorderGroup'],
    apply: (context, input) => {
      requireOneOf('ReleaseAddress', 'NetworkBorderGroup', input.NetworkBorderGroup, [context.region])
      const address = findAddress(store, context, input)
      if (!address) throw missingParameter('AllocationId')
      if (address.association) {
        throw new Ec2Error('InvalidIPAddress.InUse', `Address ${address.publicIp} is in use.`)
      }
      store.addresses.remove(address.id)
      store.tags.removeAll(address.id)
      return {}
    },
  }
}
