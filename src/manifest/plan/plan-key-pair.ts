import { type Lab, type LabKeyPair, labTag } from '../lab.ts'
import { type KeyPairRecord, type Observed, tagOf } from '../observed.ts'
import { type Detail, operationId, type PlanDraft } from './plan.ts'

/** Plans the key pairs; answers the keys of those that are replaced, whose instances would let nobody in any more. */
export function planKeyPairs(draft: PlanDraft, lab: Lab, observed: Observed): Set<string> {
  const replaced = new Set<string>()
  const owned = ownKeyPairs(lab, observed)
  for (const keyPair of lab.keyPairs.values()) {
    const { key, name } = keyPair
    const address = `keyPairs.${key}`
    const found = owned.find((record) => record.KeyName === name)
    const difference = found && findDifference(keyPair, found)
    if (found && !difference) continue
    draft.operations.push({
      kind: 'create-key-pair',
      id: operationId.createKeyPair(name),
      keyPair,
      after: [operationId.deleteKeyPair(name)],
    })
    if (!found) {
      draft.changes.push({ address, action: 'create', details: [{ name: 'name', new: name }, describeKey(keyPair)] })
      continue
    }
    replaced.add(key)
    pushDelete(draft, found)
    draft.changes.push({
      address,
      action: 'replace',
      id: found.KeyPairId ?? '',
      details: difference ? [difference] : [],
    })
  }
  for (const record of owned) {
    const isWanted = [...lab.keyPairs.values()].some(({ name }) => name === record.KeyName)
    if (!isWanted) planKeyPairRemoval(draft, lab, record)
  }
  return replaced
}

/** The key pairs that carry the lab's tag. */
export function ownKeyPairs(lab: Lab, { keyPairs }: Observed): KeyPairRecord[] {
  return keyPairs.filter((record) => tagOf(record, labTag.lab) === lab.name)
}

/** Plans that a key pair of the lab goes. */
export function planKeyPairRemoval(draft: PlanDraft, lab: Lab, record: KeyPairRecord): void {
  const { KeyName: name = '', KeyPairId: id = '' } = record
  const key = name.slice(lab.name.length + 1)
  draft.changes.push({ address: `keyPairs.${key}`, action: 'delete', id, details: [{ name: 'name', old: name }] })
  pushDelete(draft, record)
}

function pushDelete(draft: PlanDraft, record: KeyPairRecord): void {
  const { KeyName: name = '' } = record
  draft.operations.push({
    kind: 'delete-key-pair',
    id: operationId.deleteKeyPair(name),
    name,
    publicKey: publicKeyOf(record),
    after: [],
  })
}

/** Without the comment that EC2 puts behind it. */
function publicKeyOf({ PublicKey: text = '' }: KeyPairRecord): string {
  return text.split(' ').slice(0, 2).join(' ')
}

function findDifference({ source }: LabKeyPair, record: KeyPairRecord): Detail | undefined {
  if (source.kind === 'generated') {
    if (record.KeyType === source.type) return undefined
    return { name: 'type', old: record.KeyType ?? '', new: source.type, forcesReplacement: true }
  }
  const present = publicKeyOf(record)
  if (present === source.publicKey) return undefined
  return { name: 'publicKey', old: shorten(present), new: shorten(source.publicKey), forcesReplacement: true }
}

function describeKey({ source }: LabKeyPair): Detail {
  if (source.kind === 'generated') return { name: 'type', new: source.type }
  return { name: 'publicKey', new: shorten(source.publicKey) }
}

/** The end tells keys of a type apart, the beginning does not. */
function shorten(publicKey: string): string {
  const [kind = '', blob = ''] = publicKey.split(' ')
  return `${kind} …${blob.slice(-12)}`
}
