import type { Domain } from '../../ec2/domain.ts'
import { rebootInstances, startInstances, stopInstances, terminateInstances } from '../../ec2/instance/change-state.ts'
import { getConsoleOutput, getConsoleScreenshot } from '../../ec2/instance/console.ts'
import { describeInstanceAttribute } from '../../ec2/instance/describe-attribute.ts'
import { describeInstanceStatus } from '../../ec2/instance/describe-instance-status.ts'
import { describeInstances } from '../../ec2/instance/describe-instances.ts'
import { modifyInstanceAttribute } from '../../ec2/instance/modify-attribute.ts'
import { runInstances } from '../../ec2/instance/run-instances.ts'
import type { AnyOperation } from '../dispatch.ts'

export function instanceOperations(domain: Domain) {
  return {
    RunInstances: runInstances(domain),
    DescribeInstances: describeInstances(domain),
    DescribeInstanceStatus: describeInstanceStatus(domain),
    StartInstances: startInstances(domain),
    StopInstances: stopInstances(domain),
    RebootInstances: rebootInstances(domain),
    TerminateInstances: terminateInstances(domain),
    DescribeInstanceAttribute: describeInstanceAttribute(domain),
    ModifyInstanceAttribute: modifyInstanceAttribute(domain),
    GetConsoleOutput: getConsoleOutput(domain),
    GetConsoleScreenshot: getConsoleScreenshot(domain),
  } satisfies Record<string, AnyOperation>
}
