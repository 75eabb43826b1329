import type { Domain } from '../domain.ts'
import { invalidParameterCombination, unsupportedOperation } from '../errors.ts'
import { findOne } from '../ids.ts'
import type { Ec2Mutation, Ec2Query } from '../operation.ts'
import { hasDnsHostnames, hasDnsSupport, type VpcRecord } from './vpc.ts'

export function describeVpcAttribute({ store }: Domain): Ec2Query<'DescribeVpcAttribute'> {
  return {
    kind: 'query',
    parameters: ['VpcId', 'Attribute'],
    answer: (context, input) => {
      const vpc = findOne('vpc', input.VpcId ?? '', (id) => store.vpcs.get(context, id))
      const base = { VpcId: vpc.id }
      switch (input.Attribute) {
        case 'enableDnsSupport':
          return { ...base, EnableDnsSupport: { Value: hasDnsSupport(vpc) } }
        case 'enableDnsHostnames':
          return { ...base, EnableDnsHostnames: { Value: hasDnsHostnames(vpc) } }
        case 'enableNetworkAddressUsageMetrics':
          return { ...base, EnableNetworkAddressUsageMetrics: { Value: vpc.hasAddressUsageMetrics ?? false } }
        default:
          throw unsupportedOperation(`The VPC attribute ${String(input.Attribute)} is not supported by Kiln.`)
      }
    },
  }
}

/** ModifyVpcAttribute: exactly one attribute a call. */
export function modifyVpcAttribute({ store, networks }: Domain): Ec2Mutation<'ModifyVpcAttribute'> {
  return {
    kind: 'mutation',
    parameters: ['VpcId', 'EnableDnsSupport', 'EnableDnsHostnames', 'EnableNetworkAddressUsageMetrics'],
    apply: (context, input) => {
      const vpc = findOne('vpc', input.VpcId ?? '', (id) => store.vpcs.get(context, id))
      const wanted = {
        hasDnsSupport: input.EnableDnsSupport?.Value,
        hasDnsHostnames: input.EnableDnsHostnames?.Value,
        hasAddressUsageMetrics: input.EnableNetworkAddressUsageMetrics?.Value,
      }
      const given = Object.entries(wanted).filter(([, value]) => value !== undefined)
      if (given.length === 0) throw invalidParameterCombination('No attributes specified.')
      if (given.length > 1) throw invalidParameterCombination('Fields for multiple attribute types specified')
      const changed: VpcRecord = { ...vpc, ...Object.fromEntries(given) }
      if (wanted.hasDnsHostnames && !hasDnsSupport(vpc)) {
        throw invalidParameterCombination(`DNS hostnames need DNS support, which is disabled in ${vpc.id}`)
      }
      store.vpcs.replace(changed)
      context.afterCommit(() => networks.refreshSoon(vpc.id))
      return {}
    },
  }
}

/** ModifyVpcTenancy: EC2 knows one way only, from dedicated to default. */
export function modifyVpcTenancy({ store }: Domain): Ec2Mutation<'ModifyVpcTenancy'> {
  return {
    kind: 'mutation',
    isRecordOnly: true,
    parameters: ['VpcId', 'InstanceTenancy'],
    apply: (context, input) => {
      const vpc = findOne('vpc', input.VpcId ?? '', (id) => store.vpcs.get(context, id))
      store.vpcs.replace({ ...vpc, tenancy: 'default' })
      return { ReturnValue: true }
    },
  }
}
