import type { Domain } from '../domain.ts'
import { invalidParameterValue } from '../errors.ts'
import { type DescribeSource, selectRecords } from '../describe.ts'
import { defineFilters } from '../filter.ts'
import type { Ec2Query } from '../operation.ts'
import { creditsOf } from './credit-specification.ts'
import type { InstanceRecord } from './instance.ts'

/** DescribeInstanceCreditSpecifications: how burstable instances pay. Without ids only `unlimited` ones are listed, as on EC2. */
export function describeInstanceCreditSpecifications(domain: Domain): Ec2Query<'DescribeInstanceCreditSpecifications'> {
  const { store, instanceTypes } = domain
  const isBurstable = ({ instanceType }: InstanceRecord) => instanceTypes.get(instanceType).isBurstable
  const source: DescribeSource<InstanceRecord> = {
    collection: store.instances,
    prefix: 'i',
    idParameter: 'instanceIds',
    filters: defineFilters({ 'instance-id': { read: ({ id }) => id, index: 'id' } }),
  }
  return {
    kind: 'query',
    parameters: ['InstanceIds', 'Filters', 'MaxResults', 'NextToken'],
    isRecordOnly: true,
    filters: source.filters.names,
    answer: (context, input) => {
      const areNamed = (input.InstanceIds ?? []).length > 0
      const page = selectRecords(source, context, {
        ...input,
        ids: input.InstanceIds,
        where: (instance) => areNamed || (isBurstable(instance) && creditsOf(instance) === 'unlimited'),
      })
      const stranger = page.records.find((instance) => !isBurstable(instance))
      if (stranger) {
        throw invalidParameterValue('instanceId', stranger.id, `Its type ${stranger.instanceType} has no CPU credits.`)
      }
      return {
        InstanceCreditSpecifications: page.records.map((instance) => ({
          InstanceId: instance.id,
          CpuCredits: creditsOf(instance),
        })),
        ...page.token,
      }
    },
  }
}
