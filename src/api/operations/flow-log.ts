import type { Domain } from '../../ec2/domain.ts'
import { createFlowLogs } from '../../ec2/flow-log/create-flow-logs.ts'
import { deleteFlowLogs } from '../../ec2/flow-log/delete-flow-logs.ts'
import { describeFlowLogs } from '../../ec2/flow-log/describe-flow-logs.ts'
import type { AnyOperation } from '../dispatch.ts'

export function flowLogOperations(domain: Domain) {
  return {
    CreateFlowLogs: createFlowLogs(domain),
    DescribeFlowLogs: describeFlowLogs(domain),
    DeleteFlowLogs: deleteFlowLogs(domain),
  } satisfies Record<string, AnyOperation>
}
