import { type DescribeSource, selectRecords } from '../describe.ts'
import type { Domain } from '../domain.ts'
import { Ec2Error, invalidParameterValue, missingParameter, unsupportedOperation } from '../errors.ts'
import { applyFilters, defineFilters } from '../filter.ts'
import { findAll, newId, requireWellFormed } from '../ids.ts'
import type { Ec2Mutation, Ec2Query, MutationContext } from '../operation.ts'
import type { Scope, Store } from '../ports/store.ts'
import { requireQuota } from '../quota.ts'
import { describeTags, putTags, readTagSpecifications, type TagSpecificationInput } from '../tag/tag.ts'
import { createKey, type NewKey, readPublicKey } from './key-material.ts'
import { findKeyPairByName, requireKeyPair } from './find-key-pair.ts'
import type { KeyPairRecord } from './key-pair.ts'

/** CreateKeyPair: the private half is in the answer and nowhere else. */
export function createKeyPair(domain: Domain): Ec2Mutation<'CreateKeyPair', NewKey> {
  return {
    kind: 'mutation',
    parameters: ['KeyName', 'KeyType', 'KeyFormat', 'TagSpecifications'],
    prepare: async (context, input) => {
      requireFreeName(domain.store, context, input.KeyName)
      if (input.KeyFormat === 'ppk') throw unsupportedOperation('The key format ppk is not supported by Kiln; use pem.')
      return await createKey(input.KeyType ?? 'rsa')
    },
    apply: (context, input, key) => {
      const record = recordKeyPair(domain, context, input, {
        type: input.KeyType ?? 'rsa',
        publicKey: key.publicKey,
        fingerprint: key.fingerprint,
      })
      return { ...describeKey(domain.store, record), KeyMaterial: key.privateKey }
    },
  }
}

export function importKeyPair(domain: Domain): Ec2Mutation<'ImportKeyPair'> {
  return {
    kind: 'mutation',
    parameters: ['KeyName', 'PublicKeyMaterial', 'TagSpecifications'],
    apply: (context, input) => {
      if (!input.PublicKeyMaterial) throw missingParameter('PublicKeyMaterial')
      const record = recordKeyPair(domain, context, input, readPublicKey(input.PublicKeyMaterial))
      return describeKey(domain.store, record)
    },
  }
}

/** DeleteKeyPair: deleting one that is not there is no error, as on EC2. Instances keep their keys. */
export function deleteKeyPair({ store }: Domain): Ec2Mutation<'DeleteKeyPair'> {
  return {
    kind: 'mutation',
    parameters: ['KeyName', 'KeyPairId'],
    apply: (context, input) => {
      if (!input.KeyName && !input.KeyPairId) throw missingParameter('KeyName')
      if (input.KeyPairId) requireWellFormed('key', input.KeyPairId)
      const found = input.KeyPairId
        ? store.keyPairs.get(context, input.KeyPairId)
        : findKeyPairByName(store, context, input.KeyName ?? '')
      if (!found) return { Return: true }
      store.keyPairs.remove(found.id)
      store.tags.removeAll(found.id)
      return { Return: true, KeyPairId: found.id }
    },
  }
}

export function describeKeyPairs({ store }: Domain): Ec2Query<'DescribeKeyPairs'> {
  const filters = defineFilters<KeyPairRecord>(
    {
      'key-pair-id': { read: ({ id }) => id, index: 'id' },
      fingerprint: { read: ({ fingerprint }) => fingerprint, index: 'fingerprint' },
      'key-name': { read: ({ name }) => name, index: 'name' },
      'key-type': ({ type }) => type,
    },
    ({ id }) => store.tags.of(id),
  )
  const source: DescribeSource<KeyPairRecord> = {
    collection: store.keyPairs,
    prefix: 'key',
    idParameter: 'keyPairIds',
    filters,
  }
  return {
    kind: 'query',
    parameters: ['KeyNames', 'KeyPairIds', 'Filters', 'IncludePublicKey'],
    filters: filters.names,
    answer: (context, input) => {
      const { KeyNames: names = [], KeyPairIds: ids = [] } = input
      const named = names.map((name) => requireKeyPair(store, context, name))
      const identified = findAll('key', ids, (id) => store.keyPairs.get(context, id))
      const matching =
        names.length + ids.length > 0
          ? applyFilters(distinct([...named, ...identified]), input.Filters, filters)
          : selectRecords(source, context, { ids: undefined, Filters: input.Filters }).records
      return {
        KeyPairs: matching.map((key) => ({
          ...describeKey(store, key),
          KeyType: key.type,
          CreateTime: new Date(key.createTime),
          ...(input.IncludePublicKey ? { PublicKey: `${key.publicKey} ${key.name}` } : {}),
        })),
      }
    },
  }
}

/** Both lists may name the same key. */
function distinct(keys: readonly KeyPairRecord[]): KeyPairRecord[] {
  return [...new Map(keys.map((key) => [key.id, key])).values()]
}

function requireFreeName(store: Store, scope: Scope, name: string | undefined): string {
  if (!name) throw missingParameter('KeyName')
  if (name.length > 255)
    throw invalidParameterValue('KeyName', `${name.slice(0, 80)}…`, 'Length exceeds maximum of 255.')
  if (/[^\x20-\x7e]/.test(name)) {
    throw invalidParameterValue('KeyName', name.slice(0, 80), 'Expected printable ASCII characters.')
  }
  if (name.trim() !== name) throw invalidParameterValue('KeyName', name, 'Expected no leading or trailing spaces.')
  if (findKeyPairByName(store, scope, name)) {
    throw new Ec2Error('InvalidKeyPair.Duplicate', `The keypair already exists`)
  }
  return name
}

function recordKeyPair(
  { store, random, settings }: Domain,
  context: MutationContext,
  input: { KeyName?: string | undefined; TagSpecifications?: readonly TagSpecificationInput[] | undefined },
  key: { type: 'rsa' | 'ed25519'; publicKey: string; fingerprint: string },
): KeyPairRecord {
  const name = requireFreeName(store, context, input.KeyName)
  const present = store.keyPairs.count(context)
  requireQuota(settings.quotas, 'keyPairs', { present, code: 'KeyPairLimitExceeded' })
  const { accountId, region } = context
  const record: KeyPairRecord = {
    accountId,
    region,
    id: newId('key', random),
    name,
    ...key,
    createTime: context.now.toISOString(),
  }
  store.keyPairs.insert(record)
  putTags(
    store,
    context,
    record.id,
    'key-pair',
    readTagSpecifications(input.TagSpecifications, ['key-pair']).get('key-pair') ?? [],
  )
  return record
}

function describeKey(store: Store, key: KeyPairRecord) {
  return {
    KeyName: key.name,
    KeyPairId: key.id,
    KeyFingerprint: key.fingerprint,
    Tags: describeTags(store.tags.of(key.id)),
  }
}
