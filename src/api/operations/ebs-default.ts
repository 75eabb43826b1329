import type { Domain } from '../../ec2/domain.ts'
import {
  disableEbsEncryptionByDefault,
  enableEbsEncryptionByDefault,
  getEbsDefaultKmsKeyId,
  getEbsEncryptionByDefault,
  modifyEbsDefaultKmsKeyId,
  resetEbsDefaultKmsKeyId,
} from '../../ec2/ebs-default/encryption-default.ts'
import type { AnyOperation } from '../dispatch.ts'

export function ebsDefaultOperations(domain: Domain) {
  return {
    GetEbsEncryptionByDefault: getEbsEncryptionByDefault(domain),
    EnableEbsEncryptionByDefault: enableEbsEncryptionByDefault(domain),
    DisableEbsEncryptionByDefault: disableEbsEncryptionByDefault(domain),
    GetEbsDefaultKmsKeyId: getEbsDefaultKmsKeyId(domain),
    ModifyEbsDefaultKmsKeyId: modifyEbsDefaultKmsKeyId(domain),
    ResetEbsDefaultKmsKeyId: resetEbsDefaultKmsKeyId(domain),
  } satisfies Record<string, AnyOperation>
}
