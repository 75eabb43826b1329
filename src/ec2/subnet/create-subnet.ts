import type { Domain } from '../domain.ts'
import { dependencyViolation, Ec2Error, missingParameter } from '../errors.ts'
import { requireOneOf } from '../honoured.ts'
import { forgetFlowLogsOf } from '../flow-log/delete-flow-logs.ts'
import { findOne, newId } from '../ids.ts'
import { formatIpv4Block } from '../ipv4.ts'
import type { Ec2Mutation } from '../operation.ts'
import { requireQuota } from '../quota.ts'
import { putTags, readTagSpecifications } from '../tag/tag.ts'
import { isConflicting, readSubnetBlock } from '../vpc/cidr-rule.ts'
import { cidrsOf } from '../vpc/vpc.ts'
import { readFreeIpv6Block } from './ipv6-association.ts'
import { removeReservationsOf } from './reserve-cidr.ts'
import { describeSubnet } from './describe-subnets.ts'
import type { SubnetRecord } from './subnet.ts'
import { readZone } from './zone.ts'

/** CreateSubnet: a part of its VPC in one zone. It uses the main route table until it is given its own. */
export function createSubnet(domain: Domain): Ec2Mutation<'CreateSubnet'> {
  const { store, random, settings, networks } = domain
  return {
    kind: 'mutation',
    parameters: [
      'VpcId',
      'CidrBlock',
      'Ipv6CidrBlock',
      'AvailabilityZone',
      'AvailabilityZoneId',
      'Ipv6Native',
      'TagSpecifications',
    ],
    apply: (context, input) => {
      requireOneOf('CreateSubnet', 'Ipv6Native', input.Ipv6Native, [false])
      const vpc = findOne('vpc', input.VpcId ?? '', (id) => store.vpcs.get(context, id))
      if (!input.CidrBlock) throw missingParameter('cidrBlock')
      const block = readSubnetBlock(input.CidrBlock, cidrsOf(vpc))
      const cidr = formatIpv4Block(block)
      const others = store.subnets.listBy('vpcId', vpc.id)
      if (
        isConflicting(
          block,
          others.map((subnet) => subnet.cidr),
        )
      ) {
        throw new Ec2Error('InvalidSubnet.Conflict', `The CIDR '${cidr}' conflicts with another subnet`)
      }
      const ipv6Cidr = input.Ipv6CidrBlock && readFreeIpv6Block(store, vpc, input.Ipv6CidrBlock)
      const zone = readZone(domain, context, input)
      const tags = readTagSpecifications(input.TagSpecifications, ['subnet']).get('subnet') ?? []
      requireQuota(settings.quotas, 'subnetsPerVpc', { present: others.length, code: 'SubnetLimitExceeded' })
      const subnet: SubnetRecord = {
        accountId: context.accountId,
        region: context.region,
        id: newId('subnet', random),
        vpcId: vpc.id,
        cidr,
        ...(ipv6Cidr ? { ipv6: { id: newId('subnet-cidr-assoc', random), cidr: ipv6Cidr } } : {}),
        availabilityZone: zone.name,
        availabilityZoneId: zone.id,
        mapPublicIpOnLaunch: false,
        isDefaultForAz: false,
        hasResourceNames: false,
      }
      store.subnets.insert(subnet)
      putTags(store, context, subnet.id, 'subnet', tags)
      context.afterCommit(() => networks.refreshSoon(vpc.id))
      return { Subnet: describeSubnet(store, subnet) }
    },
  }
}

/** DeleteSubnet: refused while an interface is in it. */
export function deleteSubnet({ store, networks }: Domain): Ec2Mutation<'DeleteSubnet'> {
  return {
    kind: 'mutation',
    parameters: ['SubnetId'],
    apply: (context, input) => {
      const subnet = findOne('subnet', input.SubnetId ?? '', (id) => store.subnets.get(context, id))
      if (store.interfaces.countBy('subnetId', subnet.id) > 0) {
        throw dependencyViolation(`The subnet '${subnet.id}' has dependencies and cannot be deleted.`)
      }
      for (const table of store.routeTables.listBy('vpcId', subnet.vpcId)) {
        const associations = table.associations.filter(({ subnetId }) => subnetId !== subnet.id)
        if (associations.length < table.associations.length) store.routeTables.replace({ ...table, associations })
      }
      removeReservationsOf(store, subnet.id)
      store.subnets.remove(subnet.id)
      forgetFlowLogsOf(store, subnet.id)
      store.tags.removeAll(subnet.id)
      context.afterCommit(() => networks.refreshSoon(subnet.vpcId))
      return {}
    },
  }
}
