import type { Domain } from '../../ec2/domain.ts'
import { createTags, deleteTags, describeTags } from '../../ec2/tag/tag-operations.ts'
import type { AnyOperation } from '../dispatch.ts'

export function tagOperations(domain: Domain) {
  return {
    CreateTags: createTags(domain),
    DeleteTags: deleteTags(domain),
    DescribeTags: describeTags(domain),
  } satisfies Record<string, AnyOperation>
}
