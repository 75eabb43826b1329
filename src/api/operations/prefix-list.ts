import type { Domain } from '../../ec2/domain.ts'
import {
  createManagedPrefixList,
  deleteManagedPrefixList,
  modifyManagedPrefixList,
} from '../../ec2/prefix-list/change-prefix-list.ts'
import {
  describeManagedPrefixLists,
  describePrefixLists,
  getManagedPrefixListEntries,
} from '../../ec2/prefix-list/describe-prefix-lists.ts'
import type { AnyOperation } from '../dispatch.ts'

export function prefixListOperations(domain: Domain) {
  return {
    CreateManagedPrefixList: createManagedPrefixList(domain),
    DescribeManagedPrefixLists: describeManagedPrefixLists(domain),
    GetManagedPrefixListEntries: getManagedPrefixListEntries(domain),
    ModifyManagedPrefixList: modifyManagedPrefixList(domain),
    DeleteManagedPrefixList: deleteManagedPrefixList(domain),
    DescribePrefixLists: describePrefixLists(),
  } satisfies Record<string, AnyOperation>
}
