import { Ec2Error } from './errors.ts'

/** What EC2 limits an account in a region to; config/defaults.yaml has EC2's default numbers. */
export const quotaNames = [
  'vpcs',
  'subnetsPerVpc',
  'internetGateways',
  'egressOnlyGateways',
  'routeTablesPerVpc',
  'routesPerRouteTable',
  'natGatewaysPerZone',
  'connectEndpointsPerVpc',
  'networkInterfaces',
  'elasticAddresses',
  'securityGroups',
  'rulesPerSecurityGroup',
  'securityGroupsPerInterface',
  'activePeeringsPerVpc',
  'outstandingPeeringsPerVpc',
  'prefixLists',
  'networkAclsPerVpc',
  'entriesPerNetworkAcl',
  'flowLogsPerResource',
  'dnsZones',
  'dnsRecordsPerZone',
  'networkInsightsPaths',
  'networkInsightsAnalyses',
  'keyPairs',
  'volumes',
  'snapshots',
  'fastSnapshotRestores',
  'images',
  'activeTransfers',
  'launchTemplates',
  'launchTemplateVersions',
  'placementGroups',
] as const

export type QuotaName = (typeof quotaNames)[number]
export type Quotas = Readonly<Record<QuotaName, number>>

/** Throws `code`, EC2's error for this quota, when `present` and `added` together are more than it allows. */
export function requireQuota(
  quotas: Quotas,
  name: QuotaName,
  { present, added = 1, code }: { present: number; added?: number; code: string },
): void {
  const limit = quotas[name]
  if (added === 0 || present + added <= limit) return
  throw new Ec2Error(
    code,
    `The quota ${name} of ${limit} does not allow ${added} more beside the ${present} that are there. It is set under quotas in config.yaml.`,
  )
}
