import type Database from 'better-sqlite3'
import type { EventRecord } from '../ec2/event/event.ts'
import type { ImageRecord } from '../ec2/image/image.ts'
import type { InstanceRecord } from '../ec2/instance/instance.ts'
import type { KeyPairRecord } from '../ec2/key-pair/key-pair.ts'
import type { LaunchTemplateRecord, LaunchTemplateVersionRecord } from '../ec2/launch-template/launch-template.ts'
import type { LayerRecord } from '../ec2/layer/layer.ts'
import type { InterfaceRecord } from '../ec2/network-interface/network-interface.ts'
import type { AccessKeyRecord, ClientTokenRecord, Store } from '../ec2/ports/store.ts'
import type { ScheduleRecord } from '../ec2/schedule/schedule.ts'
import type { SecurityGroupRecord } from '../ec2/security-group/security-group.ts'
import type { SnapshotRecord } from '../ec2/snapshot/snapshot.ts'
import type { SubnetRecord } from '../ec2/subnet/subnet.ts'
import type { TaskRecord } from '../ec2/task/task.ts'
import type { VolumeRecord } from '../ec2/volume/volume.ts'
import type { VpcRecord } from '../ec2/vpc/vpc.ts'
import { createCollection } from './collection.ts'
import { openDatabase } from './database.ts'
import { createTagStore } from './tag-store.ts'

/** How many events are kept. */
const eventLimit = 10_000

/** Opens the state of a state directory. */
export function openStore(path: string): Store {
  const database = openDatabase(path)
  const transaction = database.transaction((work: () => unknown) => work())
  return {
    instances: createCollection<InstanceRecord, 'state'>(database, 'instance', ['state']),
    volumes: createCollection<VolumeRecord, 'state' | 'attachment.instanceId' | 'snapshotId' | 'layerId'>(
      database,
      'volume',
      ['state', 'attachment.instanceId', 'snapshotId', 'layerId'],
    ),
    interfaces: createCollection<InterfaceRecord, 'vpcId' | 'subnetId' | 'attachment.instanceId' | 'publicIp'>(
      database,
      'network_interface',
      ['vpcId', 'subnetId', 'attachment.instanceId', 'publicIp'],
    ),
    images: createCollection<ImageRecord>(database, 'image'),
    snapshots: createCollection<SnapshotRecord, 'layerId'>(database, 'snapshot', ['layerId']),
    layers: createCollection<LayerRecord, 'state'>(database, 'layer', ['state']),
    keyPairs: createCollection<KeyPairRecord, 'name'>(database, 'key_pair', ['name']),
    securityGroups: createCollection<SecurityGroupRecord, 'vpcId'>(database, 'security_group', ['vpcId']),
    vpcs: createCollection<VpcRecord>(database, 'vpc'),
    subnets: createCollection<SubnetRecord, 'vpcId'>(database, 'subnet', ['vpcId']),
    tasks: createCollection<TaskRecord, 'state'>(database, 'task', ['state']),
    schedules: createCollection<ScheduleRecord>(database, 'schedule'),
    launchTemplates: createCollection<LaunchTemplateRecord, 'name'>(database, 'launch_template', ['name']),
    launchTemplateVersions: createCollection<LaunchTemplateVersionRecord, 'templateId'>(
      database,
      'launch_template_version',
      ['templateId'],
    ),
    tags: createTagStore(database),
    events: createEventStore(database),
    clientTokens: createClientTokenStore(database),
    accessKeys: createAccessKeyStore(database),
    settings: createSettingStore(database),
    transaction: <R>(work: () => R) => (database.inTransaction ? work() : (transaction.immediate(work) as R)),
    close: () => database.close(),
  }
}

function createEventStore(database: Database.Database): Store['events'] {
  const insert = database.prepare<[string, string, string, string, string | null]>(
    'INSERT INTO event (time, kind, resource_id, message, detail) VALUES (?, ?, ?, ?, ?)',
  )
  const prune = database.prepare<[number]>('DELETE FROM event WHERE number <= ?')
  const after = database.prepare<[number, number], EventRow>(
    'SELECT number, time, kind, resource_id, message, detail FROM event WHERE number > ? ORDER BY number LIMIT ?',
  )
  return {
    append: (event) => {
      const detail = event.detail ? JSON.stringify(event.detail) : null
      const number = Number(insert.run(event.time, event.kind, event.resourceId, event.message, detail).lastInsertRowid)
      prune.run(number - eventLimit)
      return { ...event, number }
    },
    after: (number, limit) =>
      after.all(number, limit).map((row) => ({
        number: row.number,
        time: row.time,
        kind: row.kind,
        resourceId: row.resource_id,
        message: row.message,
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

function createAccessKeyStore(database: Database.Database): Store['accessKeys'] {
  const columns = 'id, account_id accountId, secret, created_at createdAt'
  const select = database.prepare<[string], AccessKeyRecord>(`SELECT ${columns} FROM access_key WHERE id = ?`)
  const all = database.prepare<[], AccessKeyRecord>(`SELECT ${columns} FROM access_key ORDER BY created_at`)
  const insert = database.prepare<[string, string, string, string]>(
    'INSERT INTO access_key (id, account_id, secret, created_at) VALUES (?, ?, ?, ?)',
  )
  return {
    find: (id) => select.get(id),
    list: () => all.all(),
    insert: (key) => {
      insert.run(key.id, key.accountId, key.secret, key.createdAt)
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
