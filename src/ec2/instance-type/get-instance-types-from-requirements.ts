import type { Domain } from '../domain.ts'
import type { Ec2Query } from '../operation.ts'
import { takePage } from '../page.ts'
import { selectTypes } from './instance-requirements.ts'

/** The types that fleets would choose from for such requirements. */
export function getInstanceTypesFromInstanceRequirements({
  instanceTypes,
}: Domain): Ec2Query<'GetInstanceTypesFromInstanceRequirements'> {
  return {
    kind: 'query',
    parameters: ['ArchitectureTypes', 'VirtualizationTypes', 'InstanceRequirements', 'MaxResults', 'NextToken'],
    answer: (_context, input) => {
      const { ArchitectureTypes: architectures = [], VirtualizationTypes: virtualizations = [] } = input
      const isPossible = virtualizations.includes('hvm')
      const types = isPossible
        ? instanceTypes.list().filter((type) => type.architectures.some((name) => architectures.includes(name)))
        : []
      const requirements = input.InstanceRequirements ?? { VCpuCount: undefined, MemoryMiB: undefined }
      const matching = selectTypes('GetInstanceTypesFromInstanceRequirements', types, requirements)
      const page = takePage(matching, input, ({ name }) => name, { minimum: 1, maximum: 1000 })
      return { InstanceTypes: page.records.map(({ name }) => ({ InstanceType: name })), ...page.token }
    },
  }
}
