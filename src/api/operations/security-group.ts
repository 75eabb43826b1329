import type { Domain } from '../../ec2/domain.ts'
import {
  authorizeSecurityGroupEgress,
  authorizeSecurityGroupIngress,
  revokeSecurityGroupEgress,
  revokeSecurityGroupIngress,
} from '../../ec2/security-group/change-rules.ts'
import { createSecurityGroup, deleteSecurityGroup } from '../../ec2/security-group/create-group.ts'
import { describeSecurityGroupRules, describeSecurityGroups } from '../../ec2/security-group/describe-groups.ts'
import type { AnyOperation } from '../dispatch.ts'

export function securityGroupOperations(domain: Domain) {
  return {
    CreateSecurityGroup: createSecurityGroup(domain),
    DescribeSecurityGroups: describeSecurityGroups(domain),
    DescribeSecurityGroupRules: describeSecurityGroupRules(domain),
    DeleteSecurityGroup: deleteSecurityGroup(domain),
    AuthorizeSecurityGroupIngress: authorizeSecurityGroupIngress(domain),
    AuthorizeSecurityGroupEgress: authorizeSecurityGroupEgress(domain),
    RevokeSecurityGroupIngress: revokeSecurityGroupIngress(domain),
    RevokeSecurityGroupEgress: revokeSecurityGroupEgress(domain),
  } satisfies Record<string, AnyOperation>
}
