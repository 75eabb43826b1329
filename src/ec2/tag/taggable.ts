import { Ec2Error } from '../errors.ts'
import { type IdPrefix, idNotFound, requireWellFormed } from '../ids.ts'
import type { Scope, Store } from '../ports/store.ts'
import { findRule } from '../security-group/find-group.ts'
import { peeringsOfBoth } from '../vpc-peering/vpc-peering.ts'

/** A kind of resource that tags may be put on. */
interface TaggableKind {
  /** The word of DescribeTags and of tag specifications. */
  readonly resourceType: string
  /** The caller's resource of that id; undefined when there is none. */
  find(store: Store, scope: Scope, id: string): unknown
}

/** The taggable kinds by the prefix of their ids: a new kind is one line here. */
const taggableKinds: Partial<Record<IdPrefix, TaggableKind>> = {
  i: { resourceType: 'instance', find: (store, scope, id) => store.instances.get(scope, id) },
  ami: { resourceType: 'image', find: (store, scope, id) => store.images.get(scope, id) },
  snap: { resourceType: 'snapshot', find: (store, scope, id) => store.snapshots.get(scope, id) },
  vol: { resourceType: 'volume', find: (store, scope, id) => store.volumes.get(scope, id) },
  eni: { resourceType: 'network-interface', find: (store, scope, id) => store.interfaces.get(scope, id) },
  sg: { resourceType: 'security-group', find: (store, scope, id) => store.securityGroups.get(scope, id) },
  sgr: {
    resourceType: 'security-group-rule',
    find: (store, scope, id) => findRule(store, scope, id),
  },
  vpc: { resourceType: 'vpc', find: (store, scope, id) => store.vpcs.get(scope, id) },
  pcx: { resourceType: 'vpc-peering-connection', find: (store, scope, id) => peeringsOfBoth(store).get(scope, id) },
  subnet: { resourceType: 'subnet', find: (store, scope, id) => store.subnets.get(scope, id) },
  scr: { resourceType: 'subnet-cidr-reservation', find: (store, scope, id) => store.cidrReservations.get(scope, id) },
  igw: { resourceType: 'internet-gateway', find: (store, scope, id) => store.internetGateways.get(scope, id) },
  eigw: {
    resourceType: 'egress-only-internet-gateway',
    find: (store, scope, id) => store.egressOnlyGateways.get(scope, id),
  },
  nat: { resourceType: 'natgateway', find: (store, scope, id) => store.natGateways.get(scope, id) },
  eice: {
    resourceType: 'instance-connect-endpoint',
    find: (store, scope, id) => store.connectEndpoints.get(scope, id),
  },
  rtb: { resourceType: 'route-table', find: (store, scope, id) => store.routeTables.get(scope, id) },
  dopt: { resourceType: 'dhcp-options', find: (store, scope, id) => store.dhcpOptions.get(scope, id) },
  eipalloc: { resourceType: 'elastic-ip', find: (store, scope, id) => store.addresses.get(scope, id) },
  pl: { resourceType: 'prefix-list', find: (store, scope, id) => store.prefixLists.get(scope, id) },
  nip: { resourceType: 'network-insights-path', find: (store, scope, id) => store.insightsPaths.get(scope, id) },
  nia: { resourceType: 'network-insights-analysis', find: (store, scope, id) => store.insightsAnalyses.get(scope, id) },
  fl: { resourceType: 'vpc-flow-log', find: (store, scope, id) => store.flowLogs.get(scope, id) },
  acl: { resourceType: 'network-acl', find: (store, scope, id) => store.networkAcls.get(scope, id) },
  key: { resourceType: 'key-pair', find: (store, scope, id) => store.keyPairs.get(scope, id) },
  pg: { resourceType: 'placement-group', find: (store, scope, id) => store.placementGroups.get(scope, id) },
  iew: { resourceType: 'instance-event-window', find: (store, scope, id) => store.eventWindows.get(scope, id) },
  sir: { resourceType: 'spot-instances-request', find: (store, scope, id) => store.spotRequests.get(scope, id) },
  fleet: { resourceType: 'fleet', find: (store, scope, id) => store.fleets.get(scope, id) },
  replacevol: {
    resourceType: 'replace-root-volume-task',
    find: (store, scope, id) => store.rootVolumeTasks.get(scope, id),
  },
  'import-ami': { resourceType: 'import-image-task', find: (store, scope, id) => store.transfers.get(scope, id) },
  'import-snap': { resourceType: 'import-snapshot-task', find: (store, scope, id) => store.transfers.get(scope, id) },
  'export-ami': { resourceType: 'export-image-task', find: (store, scope, id) => store.transfers.get(scope, id) },
  lt: { resourceType: 'launch-template', find: (store, scope, id) => store.launchTemplates.get(scope, id) },
}

/**
 * The resource type of one of the caller's resources. Throws InvalidID for what cannot have tags, and the kind's `…Malformed` and
 * `…NotFound`.
 */
export function requireTaggable(store: Store, scope: Scope, id: string): string {
  // The id of a fleet has dashes of its own.
  const dash = id.startsWith('fleet-') ? id.indexOf('-') : id.lastIndexOf('-')
  const prefix = id.slice(0, Math.max(dash, 0)) as IdPrefix
  const kind = Object.hasOwn(taggableKinds, prefix) ? taggableKinds[prefix] : undefined
  if (!kind) throw new Ec2Error('InvalidID', `The ID '${id.slice(0, 80)}' is not valid`)
  requireWellFormed(prefix, id)
  if (kind.find(store, scope, id) === undefined) throw idNotFound(prefix, [id])
  return kind.resourceType
}
