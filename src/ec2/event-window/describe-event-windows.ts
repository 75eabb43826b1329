import { type DescribeSource, selectRecords } from '../describe.ts'
import type { Domain } from '../domain.ts'
import { defineFilters } from '../filter.ts'
import type { Ec2Query } from '../operation.ts'
import { describeEventWindow, type EventWindowRecord } from './event-window.ts'

export function describeInstanceEventWindows({ store }: Domain): Ec2Query<'DescribeInstanceEventWindows'> {
  const source: DescribeSource<EventWindowRecord> = {
    collection: store.eventWindows,
    prefix: 'iew',
    idParameter: 'instanceEventWindowIds',
    limits: { minimum: 20, maximum: 500 },
    filters: defineFilters(
      {
        'dedicated-host-id': () => undefined,
        'event-window-name': ({ name }) => name,
        'instance-id': { read: ({ instanceIds }) => instanceIds, index: 'instanceIds[]' },
        'instance-tag': ({ instanceTags }) => instanceTags.map(({ key, value }) => `${key}=${value}`),
        'instance-tag-key': ({ instanceTags }) => instanceTags.map(({ key }) => key),
        'instance-tag-value': ({ instanceTags }) => instanceTags.map(({ value }) => value),
        'tag-value': ({ id }) => store.tags.of(id).map(({ value }) => value),
      },
      ({ id }) => store.tags.of(id),
    ),
  }
  return {
    kind: 'query',
    parameters: ['InstanceEventWindowIds', 'Filters', 'MaxResults', 'NextToken'],
    isRecordOnly: true,
    filters: source.filters.names,
    answer: (context, input) => {
      const page = selectRecords(source, context, { ...input, ids: input.InstanceEventWindowIds })
      return {
        InstanceEventWindows: page.records.map((window) => describeEventWindow(store, window)),
        ...page.token,
      }
    },
  }
}
