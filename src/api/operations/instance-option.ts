import type { Domain } from '../../ec2/domain.ts'
import {
  getDefaultCreditSpecification,
  modifyDefaultCreditSpecification,
} from '../../ec2/instance/credit-specification.ts'
import { describeInstanceCreditSpecifications } from '../../ec2/instance/describe-credits.ts'
import { sendDiagnosticInterrupt } from '../../ec2/instance/diagnostic-interrupt.ts'
import { modifyInstanceMaintenanceOptions } from '../../ec2/instance/maintenance-options.ts'
import { getInstanceMetadataDefaults, modifyInstanceMetadataDefaults } from '../../ec2/instance/metadata-defaults.ts'
import { modifyInstanceCpuOptions } from '../../ec2/instance/modify-cpu-options.ts'
import { modifyInstanceCreditSpecification } from '../../ec2/instance/modify-credits.ts'
import { modifyInstanceMetadataOptions } from '../../ec2/instance/modify-metadata-options.ts'
import { modifyPrivateDnsNameOptions } from '../../ec2/instance/modify-private-dns.ts'
import { monitorInstances, unmonitorInstances } from '../../ec2/instance/monitoring.ts'
import { getPasswordData } from '../../ec2/instance/password-data.ts'
import { reportInstanceStatus } from '../../ec2/instance/report-status.ts'
import { resetInstanceAttribute } from '../../ec2/instance/reset-attribute.ts'
import {
  disableSerialConsoleAccess,
  enableSerialConsoleAccess,
  getSerialConsoleAccessStatus,
} from '../../ec2/instance/serial-console-access.ts'
import { describeInstanceTopology } from '../../ec2/instance/topology.ts'
import { getInstanceTpmEkPub } from '../../ec2/instance/tpm-key.ts'
import { getInstanceUefiData } from '../../ec2/instance/uefi-data.ts'
import { modifyInstanceEventStartTime } from '../../ec2/instance-event/modify-event-start-time.ts'
import type { AnyOperation } from '../dispatch.ts'

export function instanceOptionOperations(domain: Domain) {
  return {
    ResetInstanceAttribute: resetInstanceAttribute(domain),
    ModifyInstanceMetadataOptions: modifyInstanceMetadataOptions(domain),
    GetInstanceMetadataDefaults: getInstanceMetadataDefaults(domain),
    ModifyInstanceMetadataDefaults: modifyInstanceMetadataDefaults(domain),
    ModifyInstanceCpuOptions: modifyInstanceCpuOptions(domain),
    ModifyInstanceMaintenanceOptions: modifyInstanceMaintenanceOptions(domain),
    DescribeInstanceCreditSpecifications: describeInstanceCreditSpecifications(domain),
    ModifyInstanceCreditSpecification: modifyInstanceCreditSpecification(domain),
    GetDefaultCreditSpecification: getDefaultCreditSpecification(domain),
    ModifyDefaultCreditSpecification: modifyDefaultCreditSpecification(domain),
    ModifyPrivateDnsNameOptions: modifyPrivateDnsNameOptions(domain),
    MonitorInstances: monitorInstances(domain),
    UnmonitorInstances: unmonitorInstances(domain),
    ModifyInstanceEventStartTime: modifyInstanceEventStartTime(domain),
    ReportInstanceStatus: reportInstanceStatus(domain),
    SendDiagnosticInterrupt: sendDiagnosticInterrupt(domain),
    GetPasswordData: getPasswordData(domain),
    GetInstanceUefiData: getInstanceUefiData(domain),
    GetInstanceTpmEkPub: getInstanceTpmEkPub(domain),
    DescribeInstanceTopology: describeInstanceTopology(domain),
    GetSerialConsoleAccessStatus: getSerialConsoleAccessStatus(domain),
    EnableSerialConsoleAccess: enableSerialConsoleAccess(domain),
    DisableSerialConsoleAccess: disableSerialConsoleAccess(domain),
  } satisfies Record<string, AnyOperation>
}
