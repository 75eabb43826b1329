import { selectRecords, type DescribeSource } from '../describe.ts'
import type { Domain } from '../domain.ts'
import { invalidParameterCombination } from '../errors.ts'
import { defineFilters } from '../filter.ts'
import type { Ec2Query } from '../operation.ts'
import { describeTemplate } from './describe-template.ts'
import { findTemplateByName, type LaunchTemplateRecord, unknownTemplateName } from './launch-template.ts'

/** Templates by ids, by names, or all of the account. */
export function describeLaunchTemplates({ store }: Domain): Ec2Query<'DescribeLaunchTemplates'> {
  const source: DescribeSource<LaunchTemplateRecord> = {
    collection: store.launchTemplates,
    prefix: 'lt',
    idParameter: 'launchTemplateIds',
    filters: defineFilters(
      { 'create-time': ({ createTime }) => createTime, 'launch-template-name': ({ name }) => name },
      ({ id }) => store.tags.of(id),
    ),
    limits: { minimum: 1, maximum: 200 },
  }
  return {
    kind: 'query',
    parameters: [
      'LaunchTemplateIds',
      'LaunchTemplateNames',
      'Filters',
      'MaxResults',
      'NextToken',
      'IncludeManagedResources',
    ],
    filters: source.filters.names,
    answer: (context, input) => {
      const { LaunchTemplateIds: ids = [], LaunchTemplateNames: names = [] } = input
      if (ids.length > 0 && names.length > 0) {
        throw invalidParameterCombination(
          'The parameters LaunchTemplateIds and LaunchTemplateNames may not be used together',
        )
      }
      const idsByName = names.map((name) => {
        const found = findTemplateByName(store, context, name)
        if (!found) throw unknownTemplateName(name)
        return found.id
      })
      const page = selectRecords(source, context, { ...input, ids: names.length > 0 ? idsByName : ids })
      return { LaunchTemplates: page.records.map((template) => describeTemplate(store, template)), ...page.token }
    },
  }
}
