import type { Domain } from '../../ec2/domain.ts'
import {
  associateInstanceEventWindow,
  disassociateInstanceEventWindow,
} from '../../ec2/event-window/associate-event-window.ts'
import {
  createInstanceEventWindow,
  deleteInstanceEventWindow,
  modifyInstanceEventWindow,
} from '../../ec2/event-window/change-event-window.ts'
import { describeInstanceEventWindows } from '../../ec2/event-window/describe-event-windows.ts'
import type { AnyOperation } from '../dispatch.ts'

export function eventWindowOperations(domain: Domain) {
  return {
    CreateInstanceEventWindow: createInstanceEventWindow(domain),
    DescribeInstanceEventWindows: describeInstanceEventWindows(domain),
    ModifyInstanceEventWindow: modifyInstanceEventWindow(domain),
    DeleteInstanceEventWindow: deleteInstanceEventWindow(domain),
    AssociateInstanceEventWindow: associateInstanceEventWindow(domain),
    DisassociateInstanceEventWindow: disassociateInstanceEventWindow(domain),
  } satisfies Record<string, AnyOperation>
}
