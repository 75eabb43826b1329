import type { Domain } from '../domain.ts'
import { invalidParameterCombination, invalidParameterValue } from '../errors.ts'
import { findAll } from '../ids.ts'
import type { Ec2Mutation } from '../operation.ts'

/** EC2's limit. */
const maximumDescriptionLength = 65_535

/** ReportInstanceStatus: what a user thinks of an instance is kept among the events; it changes no status check, as on EC2. */
export function reportInstanceStatus({ store, events }: Domain): Ec2Mutation<'ReportInstanceStatus'> {
  return {
    kind: 'mutation',
    parameters: ['Instances', 'Status', 'ReasonCodes', 'StartTime', 'EndTime', 'Description'],
    isRecordOnly: true,
    apply: (context, input) => {
      const { Description: description = '', StartTime: start, EndTime: end } = input
      if (description.length > maximumDescriptionLength) {
        throw invalidParameterValue('description', `${description.slice(0, 80)}…`, 'It is too long.')
      }
      if (start && end && end < start) throw invalidParameterCombination('EndTime is before StartTime')
      for (const { id } of findAll('i', input.Instances ?? [], (known) => store.instances.get(context, known))) {
        const reasons = (input.ReasonCodes ?? []).join(', ')
        events.publish({
          kind: 'instance-report',
          resourceId: id,
          message: `${id} was reported ${input.Status ?? ''}: ${reasons}`,
          detail: {
            status: input.Status ?? '',
            reasons,
            ...(start ? { startTime: start.toISOString() } : {}),
            ...(end ? { endTime: end.toISOString() } : {}),
            ...(description === '' ? {} : { description }),
          },
        })
      }
      return {}
    },
  }
}
