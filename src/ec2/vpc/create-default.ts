import type { Domain } from '../domain.ts'
import { Ec2Error } from '../errors.ts'
import { requireOneOf } from '../honoured.ts'
import type { Ec2Mutation } from '../operation.ts'
import { requireQuota } from '../quota.ts'
import { describeSubnet } from '../subnet/describe-subnets.ts'
import { readZone } from '../subnet/zone.ts'
import { findDefaultVpc, makeDefaultSubnet, makeDefaultVpc } from './default-network.ts'
import { describeVpc } from './describe-vpcs.ts'

/** CreateDefaultVpc: the network that every region begins with, again. */
export function createDefaultVpc(domain: Domain): Ec2Mutation<'CreateDefaultVpc'> {
  const { store, settings } = domain
  return {
    kind: 'mutation',
    parameters: [],
    apply: (context) => {
      if (findDefaultVpc(store, context)) {
        throw new Ec2Error('DefaultVpcAlreadyExists', 'A Default VPC already exists for this account in this region.')
      }
      requireQuota(settings.quotas, 'vpcs', { present: store.vpcs.count(context), code: 'VpcLimitExceeded' })
      return { Vpc: describeVpc(store, makeDefaultVpc(domain, context)) }
    },
  }
}

/** CreateDefaultSubnet: a zone's default subnet, again. */
export function createDefaultSubnet(domain: Domain): Ec2Mutation<'CreateDefaultSubnet'> {
  const { store } = domain
  return {
    kind: 'mutation',
    parameters: ['AvailabilityZone', 'AvailabilityZoneId', 'Ipv6Native'],
    apply: (context, input) => {
      requireOneOf('CreateDefaultSubnet', 'Ipv6Native', input.Ipv6Native, [false])
      const zone = readZone(domain, context, input)
      const vpc = findDefaultVpc(store, context)
      if (!vpc) {
        throw new Ec2Error('DefaultVpcDoesNotExist', 'No default VPC exists for this account in this region.')
      }
      const present = store.subnets
        .listBy('vpcId', vpc.id)
        .find(({ isDefaultForAz, availabilityZone }) => isDefaultForAz && availabilityZone === zone.name)
      if (present) {
        throw new Ec2Error(
          'DefaultSubnetAlreadyExistsInAvailabilityZone',
          `'${present.id}' already exists as the default subnet of ${zone.name}.`,
        )
      }
      const subnet = makeDefaultSubnet(domain, vpc, zone)
      if (!subnet) throw new Ec2Error('InvalidSubnet.Conflict', `${vpc.cidr} has no /20 left for a default subnet`)
      return { Subnet: describeSubnet(store, subnet) }
    },
  }
}
