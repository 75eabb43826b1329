import type { BadInput } from './bad-input.ts'

/** Filters and pages. */
export const badLists: BadInput[] = [
  [
    'an unknown filter',
    'DescribeInstances',
    () => ({ Filters: [{ Name: 'colour', Values: ['red'] }] }),
    'InvalidParameterValue',
    "The filter 'colour' is invalid",
  ],
  [
    'a filter of another resource',
    'DescribeKeyPairs',
    () => ({ Filters: [{ Name: 'instance-id', Values: ['x'] }] }),
    'InvalidParameterValue',
    "The filter 'instance-id' is invalid",
  ],
  [
    'too many filter values',
    'DescribeTags',
    () => ({ Filters: [{ Name: 'key', Values: Array.from({ length: 201 }, String) }] }),
    'FilterLimitExceeded',
    'The maximum number of filter values is 200',
  ],
  [
    'too small a page',
    'DescribeInstances',
    () => ({ MaxResults: 4 }),
    'InvalidParameterValue',
    'Value (4) for parameter',
  ],
  [
    'too large a page',
    'DescribeVolumes',
    () => ({ MaxResults: 1001 }),
    'InvalidParameterValue',
    'Value (1001) for parameter',
  ],
  [
    'pages beside ids',
    'DescribeInstances',
    (facts) => ({ InstanceIds: [facts.stoppedId], MaxResults: 5 }),
    'InvalidParameterCombination',
    'The parameter instancesSet cannot be used with the parameter maxResults',
  ],
  [
    'an invented token',
    'DescribeSnapshots',
    () => ({ MaxResults: 5, NextToken: 'more' }),
    'InvalidNextToken',
    'The token is invalid or has expired.',
  ],
]
