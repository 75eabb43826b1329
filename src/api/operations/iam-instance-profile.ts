import type { Domain } from '../../ec2/domain.ts'
import {
  associateIamInstanceProfile,
  disassociateIamInstanceProfile,
  replaceIamInstanceProfileAssociation,
} from '../../ec2/iam-instance-profile/change-association.ts'
import { describeIamInstanceProfileAssociations } from '../../ec2/iam-instance-profile/describe-associations.ts'
import type { AnyOperation } from '../dispatch.ts'

export function iamInstanceProfileOperations(domain: Domain) {
  return {
    AssociateIamInstanceProfile: associateIamInstanceProfile(domain),
    DescribeIamInstanceProfileAssociations: describeIamInstanceProfileAssociations(domain),
    DisassociateIamInstanceProfile: disassociateIamInstanceProfile(domain),
    ReplaceIamInstanceProfileAssociation: replaceIamInstanceProfileAssociation(domain),
  } satisfies Record<string, AnyOperation>
}
