import type { Domain } from '../../ec2/domain.ts'
import { findInstance } from '../../ec2/instance/find-instance.ts'
import type { CallContext } from '../../ec2/operation.ts'
import type { AnyOperation } from '../dispatch.ts'
import type { KilnDependencies } from '../kiln-dependencies.ts'
import { query } from '../kiln-operation.ts'
import type { KilnOutputs } from '../kiln-operations.ts'

/** The metadata service: what verifies what it signs, and how much it is asked. */
export function kilnMetadataOperations(domain: Domain, kiln: KilnDependencies): Record<string, AnyOperation> {
  return {
    KilnGetIdentityCertificate: query('KilnGetIdentityCertificate', async () => ({
      Certificate: await kiln.identityCertificate(),
    })),
    KilnDescribeMetadataUse: query('KilnDescribeMetadataUse', (context, { InstanceId }) =>
      describeUse(domain, kiln, context, InstanceId),
    ),
  }
}

function describeUse(
  { store }: Domain,
  { metadataUsageOf }: KilnDependencies,
  context: CallContext,
  instanceId: string,
): KilnOutputs['KilnDescribeMetadataUse'] {
  const { id } = findInstance(store, context, instanceId)
  const { requestCount, throttledCount } = metadataUsageOf(id)
  return {
    InstanceId: id,
    RequestCount: requestCount,
    ThrottledCount: throttledCount,
  }
}
