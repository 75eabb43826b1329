import type { Domain } from '../../ec2/domain.ts'
import { createNetworkAcl, deleteNetworkAcl, replaceNetworkAclAssociation } from '../../ec2/network-acl/change-acl.ts'
import {
  createNetworkAclEntry,
  deleteNetworkAclEntry,
  replaceNetworkAclEntry,
} from '../../ec2/network-acl/change-entries.ts'
import { describeNetworkAcls } from '../../ec2/network-acl/describe-acls.ts'
import type { AnyOperation } from '../dispatch.ts'

export function networkAclOperations(domain: Domain) {
  return {
    CreateNetworkAcl: createNetworkAcl(domain),
    DescribeNetworkAcls: describeNetworkAcls(domain),
    DeleteNetworkAcl: deleteNetworkAcl(domain),
    CreateNetworkAclEntry: createNetworkAclEntry(domain),
    ReplaceNetworkAclEntry: replaceNetworkAclEntry(domain),
    DeleteNetworkAclEntry: deleteNetworkAclEntry(domain),
    ReplaceNetworkAclAssociation: replaceNetworkAclAssociation(domain),
  } satisfies Record<string, AnyOperation>
}
