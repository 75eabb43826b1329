import type Database from 'better-sqlite3'
import type { EventRecord } from '../ec2/event/event.ts'
import type { ClientTokenRecord, Store } from '../ec2/ports/store.ts'
import { createAccessKeyStore, createAuditStore } from './access-store.ts'
import { createCollection } from './collection.ts'
import { openDatabase, reserveSpace } from './database.ts'
import { createSubnetAddressIndex } from './subnet-address-index.ts'
import { createTagStore } from './tag-store.ts'

/** How many events are kept. */
const eventLimit = 10_000

/** Opens the state of a state directory. */
export function openStore(path: string): Store {
  const database = openDatabase(path)
  // One transaction for all indexes that are made.
  return database.transaction(() => createStore(database))()
}

function createStore(database: Database.Database): Store {
  const transaction = database.transaction((work: () => unknown) => work())
  return {
    instances: createCollection(database, 'instance', [
      'state',
      'vpcId',
      'subnetId',
      'availabilityZone',
      'imageId',
      'instanceType',
      'keyName',
      'reservationId',
      'clientToken',
      'privateIp',
      'placement.groupId',
      'placement.groupName',
      'iamInstanceProfile.arn',
    ]),
    volumes: createCollection(database, 'volume', [
      'state',
      'attachment.instanceId',
      'snapshotId',
      'layerId',
      'availabilityZone',
      'encryptionKeyId',
    ]),
    rootVolumeTasks: createCollection(database, 'replace_root_volume_task', ['instanceId', 'volumeId']),
    interfaces: createCollection(database, 'network_interface', [
      'vpcId',
      'subnetId',
      'attachment.instanceId',
      'attachment.id',
      'publicIp',
      'privateIp',
      'macAddress',
      'groupIds[]',
      'secondaryIps[].privateIp',
      'secondaryIps[].publicIp',
      'ipv6Addresses[]',
    ]),
    subnetAddresses: createSubnetAddressIndex(database),
    deregisteredImages: createCollection(database, 'deregistered_image'),
    images: createCollection(database, 'image', ['name', 'blockDevices[].snapshotId', 'sharing.region']),
    lifecycleEnablements: createCollection(database, 'lifecycle_enablement'),
    lifecycleRuns: createCollection(database, 'lifecycle_run'),
    subscriptions: createCollection(database, 'marketplace_subscription'),
    snapshots: createCollection(database, 'snapshot', [
      'layerId',
      'archiveLayerId',
      'volumeId',
      'sharing.region',
      'tiering.tier',
      'tiering.state',
    ]),
    retentionRules: createCollection(database, 'retention_rule'),
    recycledImages: createCollection(database, 'recycled_image'),
    recycledSnapshots: createCollection(database, 'recycled_snapshot', ['resource.layerId', 'resource.archiveLayerId']),
    layers: createCollection(database, 'layer', [
      'state',
      'parentId',
      'flattening.state',
      'contentIds[]',
      'encryptionKeyId',
    ]),
    keyPairs: createCollection(database, 'key_pair', ['name', 'fingerprint']),
    securityGroups: createCollection(database, 'security_group', [
      'vpcId',
      'name',
      'rules[].id',
      'rules[].peerGroupId',
      'rules[].prefixListId',
    ]),
    vpcs: createCollection(database, 'vpc', ['cidr', 'dhcpOptionsId']),
    cidrReservations: createCollection(database, 'subnet_cidr_reservation', ['subnetId']),
    subnets: createCollection(database, 'subnet', ['vpcId', 'availabilityZone', 'cidr']),
    internetGateways: createCollection(database, 'internet_gateway', ['vpcId']),
    routeTables: createCollection(database, 'route_table', [
      'vpcId',
      'associations[].id',
      'associations[].subnetId',
      'routes[].destination',
    ]),
    egressOnlyGateways: createCollection(database, 'egress_only_gateway', ['vpcId']),
    natGateways: createCollection(database, 'nat_gateway', ['vpcId', 'subnetId', 'state']),
    connectEndpoints: createCollection(database, 'connect_endpoint', ['vpcId', 'subnetId', 'state']),
    dhcpOptions: createCollection(database, 'dhcp_options'),
    dnsZones: createCollection(database, 'dns_zone', ['vpcIds[]']),
    dnsRecords: createCollection(database, 'dns_record', ['zoneId']),
    addresses: createCollection(database, 'address', ['publicIp', 'association.id', 'association.interfaceId']),
    prefixLists: createCollection(database, 'prefix_list', ['name']),
    prefixListVersions: createCollection(database, 'prefix_list_version', ['prefixListId']),
    peerings: createCollection(database, 'vpc_peering_connection', [
      'requester.vpcId',
      'accepter.vpcId',
      'accepterScope',
    ]),
    networkAcls: createCollection(database, 'network_acl', ['vpcId']),
    insightsPaths: createCollection(database, 'network_insights_path'),
    insightsAnalyses: createCollection(database, 'network_insights_analysis', ['pathId']),
    flowLogs: createCollection(database, 'flow_log', ['vpcId', 'resourceId']),
    tasks: createCollection(database, 'task', ['state']),
    transfers: createCollection(database, 'transfer', ['kind', 'state', 'imageId']),
    schedules: createCollection(database, 'schedule'),
    timers: createCollection(database, 'timer'),
    pipelines: createCollection(database, 'pipeline'),
    pipelineBuilds: createCollection(database, 'pipeline_build', ['pipeline', 'state']),
    fastLaunches: createCollection(database, 'fast_launch'),
    warmTemplates: createCollection(database, 'warm_template', ['state', 'imageId', 'networkId', 'warm.layerId']),
    faults: createCollection(database, 'fault'),
    fleets: createCollection(database, 'fleet'),
    spotRequests: createCollection(database, 'spot_request', ['instanceId']),
    launchTemplates: createCollection(database, 'launch_template', ['name']),
    launchTemplateVersions: createCollection(database, 'launch_template_version', ['templateId']),
    placementGroups: createCollection(database, 'placement_group', ['name']),
    profileAssociations: createCollection(database, 'profile_association', ['instanceId']),
    eventWindows: createCollection(database, 'event_window', ['instanceIds[]']),
    tags: createTagStore(database),
    events: createEventStore(database),
    clientTokens: createClientTokenStore(database),
    accessKeys: createAccessKeyStore(database),
    audit: createAuditStore(database),
    settings: createSettingStore(database),
    transaction: <R>(work: () => R) => (database.inTransaction ? work() : (transaction.immediate(work) as R)),
    reserveSpace: () => !database.open || reserveSpace(database),
    close: () => database.close(),
  }
}

function createEventStore(database: Database.Database): Store['events'] {
  const insert = database.prepare<[string, string, string, string, string | null, string | null]>(
    'INSERT INTO event (time, kind, resource_id, message, detail, account_id) VALUES (?, ?, ?, ?, ?, ?)',
  )
  const prune = database.prepare<[number]>('DELETE FROM event WHERE number <= ?')
  const after = database.prepare<[number, string, number], EventRow>(
    `SELECT number, time, kind, resource_id, message, detail, account_id FROM event
     WHERE number > ? AND (account_id IS NULL OR account_id = ?) ORDER BY number LIMIT ?`,
  )
  return {
    append: (event) => {
      const detail = event.detail ? JSON.stringify(event.detail) : null
      const { time, kind, resourceId, message, accountId = null } = event
      const number = Number(insert.run(time, kind, resourceId, message, detail, accountId).lastInsertRowid)
      prune.run(number - eventLimit)
      return { ...event, number }
    },
    after: (accountId, number, limit) =>
      after.all(number, accountId, limit).map((row) => ({
        number: row.number,
        time: row.time,
        kind: row.kind,
        resourceId: row.resource_id,
        message: row.message,
        ...(row.account_id ? { accountId: row.account_id } : {}),
        ...(row.detail ? { detail: JSON.parse(row.detail) as Record<string, string> } : {}),
      })),
  }
}

interface EventRow {
  number: number
  time: string
  kind: EventRecord['kind']
  resource_id: string
  message: string
  detail: string | null
  account_id: string | null
}

function createClientTokenStore(database: Database.Database): Store['clientTokens'] {
  const select = database.prepare<[string, string, string, string], ClientTokenRecord>(
    `SELECT account_id accountId, region, operation, token, input_digest inputDigest, output, created_at createdAt
     FROM client_token WHERE account_id = ? AND region = ? AND operation = ? AND token = ?`,
  )
  const insert = database.prepare<[string, string, string, string, string, string, string]>(
    `INSERT INTO client_token (account_id, region, operation, token, input_digest, output, created_at)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
  )
  const removeOld = database.prepare<[string]>('DELETE FROM client_token WHERE created_at < ?')
  return {
    get: (scope, operation, token) => select.get(scope.accountId, scope.region, operation, token),
    put: (record) => {
      const { accountId, region, operation, token, inputDigest, output, createdAt } = record
      insert.run(accountId, region, operation, token, inputDigest, output, createdAt)
    },
    removeBefore: (time) => {
      removeOld.run(time)
    },
  }
}

function createSettingStore(database: Database.Database): Store['settings'] {
  const select = database.prepare<[string], { value: string }>('SELECT value FROM setting WHERE name = ?')
  const upsert = database.prepare<[string, string]>(
    'INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
  )
  return {
    get: (name) => select.get(name)?.value,
    put: (name, value) => {
      upsert.run(name, value)
    },
  }
}
