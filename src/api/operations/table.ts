import type { Domain } from '../../ec2/domain.ts'
import type { AnyOperation } from '../dispatch.ts'
import type { KilnDependencies } from '../kiln-dependencies.ts'
import { addressOperations } from './address.ts'
import { ebsDefaultOperations } from './ebs-default.ts'
import { eventWindowOperations } from './event-window.ts'
import { iamInstanceProfileOperations } from './iam-instance-profile.ts'
import { fleetOperations } from './fleet.ts'
import { flowLogOperations } from './flow-log.ts'
import { imageOperations } from './image.ts'
import { instanceOperations } from './instance.ts'
import { instanceOptionOperations } from './instance-option.ts'
import { instanceTypeOperations } from './instance-type.ts'
import { keyPairOperations } from './key-pair.ts'
import { instanceConnectOperations } from './instance-connect.ts'
import { kilnAccessOperations } from './kiln-access.ts'
import { kilnDiskOperations } from './kiln-disk.ts'
import { kilnFlowOperations } from './kiln-flow.ts'
import { kilnPathOperations } from './kiln-path.ts'
import { kilnDaemonOperations } from './kiln-daemon.ts'
import { kilnFastLaunchOperations } from './kiln-fast-launch.ts'
import { kilnFaultOperations } from './kiln-fault.ts'
import { kilnImageOperations } from './kiln-image.ts'
import { kilnInstanceOperations } from './kiln-instance.ts'
import { kilnSnapshotOperations } from './kiln-snapshot.ts'
import { kilnPipelineOperations } from './kiln-pipeline.ts'
import { kilnRegistryOperations } from './kiln-registry.ts'
import { kilnLifecycleOperations } from './kiln-lifecycle.ts'
import { kilnMarketplaceOperations } from './kiln-marketplace.ts'
import { kilnMetadataOperations } from './kiln-metadata.ts'
import { kilnDnsOperations } from './kiln-dns.ts'
import { kilnScheduleOperations } from './kiln-schedule.ts'
import { kilnTaskOperations } from './kiln-task.ts'
import { kilnUsageOperations } from './kiln-usage.ts'
import { launchTemplateOperations } from './launch-template.ts'
import { placementGroupOperations } from './placement-group.ts'
import { recycleBinOperations } from './recycle-bin.ts'
import { networkAclOperations } from './network-acl.ts'
import { prefixListOperations } from './prefix-list.ts'
import { networkInsightsOperations } from './network-insights.ts'
import { networkInterfaceOperations } from './network-interface.ts'
import { regionOperations } from './region.ts'
import { routingOperations } from './routing.ts'
import { securityGroupOperations } from './security-group.ts'
import { snapshotOperations } from './snapshot.ts'
import { stsOperations } from './sts.ts'
import { spotOperations } from './spot.ts'
import { transferOperations } from './transfer.ts'
import { tagOperations } from './tag.ts'
import { volumeOperations } from './volume.ts'
import { vpcOperations } from './vpc.ts'
import { vpcPeeringOperations } from './vpc-peering.ts'

/**
 * THE table: every operation that Kiln offers, for every front end; the files beside it hold its lines, one a kind of resource.
 * docs/add-an-operation.md says how to add one.
 */
export function operationTable(domain: Domain, kiln: KilnDependencies): ReadonlyMap<string, AnyOperation> {
  const operations: Record<string, AnyOperation> = {
    ...instanceOperations(domain),
    ...instanceOptionOperations(domain),
    ...placementGroupOperations(domain),
    ...iamInstanceProfileOperations(domain),
    ...eventWindowOperations(domain),
    ...instanceTypeOperations(domain),
    ...imageOperations(domain),
    ...snapshotOperations(domain),
    ...volumeOperations(domain),
    ...ebsDefaultOperations(domain),
    ...recycleBinOperations(domain),
    ...keyPairOperations(domain),
    ...transferOperations(domain),
    ...tagOperations(domain),
    ...securityGroupOperations(domain),
    ...networkAclOperations(domain),
    ...flowLogOperations(domain),
    ...networkInsightsOperations(domain),
    ...prefixListOperations(domain),
    ...vpcOperations(domain),
    ...vpcPeeringOperations(domain),
    ...launchTemplateOperations(domain),
    ...routingOperations(domain),
    ...addressOperations(domain),
    ...spotOperations(domain),
    ...fleetOperations(domain),
    ...networkInterfaceOperations(domain),
    ...regionOperations(domain),
    ...stsOperations(domain),
    ...instanceConnectOperations(domain),
    ...kilnDaemonOperations(domain, kiln),
    ...kilnImageOperations(domain, kiln),
    ...kilnFastLaunchOperations(domain, kiln),
    ...kilnSnapshotOperations(domain, kiln),
    ...kilnRegistryOperations(domain),
    ...kilnMarketplaceOperations(domain),
    ...kilnLifecycleOperations(domain),
    ...kilnTaskOperations(domain),
    ...kilnPipelineOperations(domain),
    ...kilnDiskOperations(domain, kiln),
    ...kilnInstanceOperations(domain, kiln),
    ...kilnMetadataOperations(domain, kiln),
    ...kilnScheduleOperations(domain),
    ...kilnDnsOperations(domain, kiln),
    ...kilnFaultOperations(domain),
    ...kilnAccessOperations(domain),
    ...kilnFlowOperations(domain),
    ...kilnPathOperations(domain),
    ...kilnUsageOperations(domain),
  }
  return new Map(Object.entries(operations))
}
