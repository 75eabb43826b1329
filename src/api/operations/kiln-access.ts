import { type AccessKeyRecord, findAccessKey, makeAccessKey } from '../../ec2/access/access-key.ts'
import type { AuditRecord } from '../../ec2/audit/audit.ts'
import type { Domain } from '../../ec2/domain.ts'
import type { AnyOperation } from '../dispatch.ts'
import { mutation, query } from '../kiln-operation.ts'
import type { AccessKeyDescription } from '../kiln/access-key.ts'
import type { AuditEntry } from '../kiln/audit.ts'

/** Access keys and the audit log. They are the daemon owner's, whatever the account: EC2 itself has neither. */
export function kilnAccessOperations({ store, random }: Domain): Record<string, AnyOperation> {
  function setEnabled(id: string, isEnabled: boolean): { AccessKey: AccessKeyDescription } {
    const changed = { ...findAccessKey(store, id), isEnabled }
    store.accessKeys.put(changed)
    return { AccessKey: describeKey(changed) }
  }

  return {
    KilnCreateAccessKey: mutation('KilnCreateAccessKey', (context, input) => {
      const key = makeAccessKey(random, context.now, {
        accountId: input.AccountId ?? context.accountId,
        isReadOnly: input.IsReadOnly ?? false,
        description: input.Description ?? '',
      })
      store.accessKeys.put(key)
      return { AccessKey: { ...describeKey(key), SecretAccessKey: key.secret } }
    }),
    KilnDescribeAccessKeys: query('KilnDescribeAccessKeys', () => ({
      AccessKeys: store.accessKeys.list().map(describeKey),
    })),
    KilnEnableAccessKey: mutation('KilnEnableAccessKey', (_context, input) => setEnabled(input.AccessKeyId, true)),
    KilnDisableAccessKey: mutation('KilnDisableAccessKey', (_context, input) => setEnabled(input.AccessKeyId, false)),
    KilnDeleteAccessKey: mutation('KilnDeleteAccessKey', (_context, input) => {
      store.accessKeys.remove(findAccessKey(store, input.AccessKeyId).id)
      return {}
    }),
    KilnDescribeAuditLog: query('KilnDescribeAuditLog', (_context, input) => ({
      Entries: store.audit
        .after({ after: input.AfterNumber ?? 0, limit: input.MaxResults ?? 1000, operation: input.Operation })
        .map(describeEntry),
    })),
  }
}

function describeKey({
  id,
  accountId,
  isEnabled,
  isReadOnly,
  description,
  createdAt,
}: AccessKeyRecord): AccessKeyDescription {
  return {
    AccessKeyId: id,
    AccountId: accountId,
    State: isEnabled ? 'enabled' : 'disabled',
    IsReadOnly: isReadOnly,
    Description: description,
    CreatedAt: createdAt,
  }
}

function describeEntry({ source, ...record }: AuditRecord): AuditEntry {
  return {
    Number: record.number,
    Time: record.time,
    RequestId: record.requestId,
    AccountId: record.accountId,
    Region: record.region,
    Operation: record.operation,
    Arn: record.arn,
    ...(record.accessKeyId === undefined ? {} : { AccessKeyId: record.accessKeyId }),
    Source: source.kind,
    ...(source.address === undefined ? {} : { SourceAddress: source.address }),
    ...(source.vpcId === undefined ? {} : { SourceVpcId: source.vpcId }),
    Parameters: { ...record.parameters },
    ResourceIds: [...(record.resourceIds ?? [])],
    ...(record.error ? { Error: { Code: record.error.code, Message: record.error.message } } : {}),
  }
}
