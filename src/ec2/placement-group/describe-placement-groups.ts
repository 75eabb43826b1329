import type { Domain } from '../domain.ts'
import { invalidParameterCombination } from '../errors.ts'
import { applyFilters, defineFilters } from '../filter.ts'
import { findAll } from '../ids.ts'
import type { Ec2Query } from '../operation.ts'
import { describePlacementGroup, findGroupByName, groupArn, type PlacementGroupRecord } from './placement-group.ts'

/** DescribePlacementGroups: by ids, by names, or all of the account; EC2 has no pages here. */
export function describePlacementGroups({ store }: Domain): Ec2Query<'DescribePlacementGroups'> {
  const filters = defineFilters<PlacementGroupRecord>(
    {
      'group-arn': groupArn,
      'group-name': ({ name }) => name,
      'spread-level': ({ strategy }) => (strategy === 'spread' ? 'rack' : undefined),
      state: () => 'available',
      strategy: ({ strategy }) => strategy,
    },
    ({ id }) => store.tags.of(id),
  )
  return {
    kind: 'query',
    parameters: ['GroupIds', 'GroupNames', 'Filters'],
    filters: filters.names,
    answer: (context, input) => {
      const { GroupIds: ids = [], GroupNames: names = [] } = input
      if (ids.length > 0 && names.length > 0) {
        throw invalidParameterCombination('The parameters GroupNames and GroupIds may not be used together')
      }
      const byId = () => findAll('pg', ids, (id) => store.placementGroups.get(context, id))
      const byName = () => [...new Set(names)].map((name) => findGroupByName(store, context, name))
      const all = () => store.placementGroups.list(context)
      const groups = ids.length > 0 ? byId() : names.length > 0 ? byName() : all()
      return {
        PlacementGroups: applyFilters(groups, input.Filters, filters).map((group) =>
          describePlacementGroup(store, group),
        ),
      }
    },
  }
}
