import type { Domain } from '../../ec2/domain.ts'
import {
  authorizeSecurityGroupEgress,
  authorizeSecurityGroupIngress,
  revokeSecurityGroupEgress,
  revokeSecurityGroupIngress,
} from '../../ec2/security-group/change-rules.ts'
import { createSecurityGroup, deleteSecurityGroup } from '../../ec2/security-group/create-group.ts'
import { describeSecurityGroups } from '../../ec2/security-group/describe-groups.ts'
import {
  describeSecurityGroupReferences,
  describeStaleSecurityGroups,
  getSecurityGroupsForVpc,
} from '../../ec2/security-group/describe-references.ts'
import { describeSecurityGroupRules } from '../../ec2/security-group/describe-rules.ts'
import {
  modifySecurityGroupRules,
  updateSecurityGroupRuleDescriptionsEgress,
  updateSecurityGroupRuleDescriptionsIngress,
} from '../../ec2/security-group/modify-rules.ts'
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
    ModifySecurityGroupRules: modifySecurityGroupRules(domain),
    UpdateSecurityGroupRuleDescriptionsIngress: updateSecurityGroupRuleDescriptionsIngress(domain),
    UpdateSecurityGroupRuleDescriptionsEgress: updateSecurityGroupRuleDescriptionsEgress(domain),
    DescribeSecurityGroupReferences: describeSecurityGroupReferences(domain),
    DescribeStaleSecurityGroups: describeStaleSecurityGroups(domain),
    GetSecurityGroupsForVpc: getSecurityGroupsForVpc(domain),
  } satisfies Record<string, AnyOperation>
}
