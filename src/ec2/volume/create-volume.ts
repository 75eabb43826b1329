import type { CreateVolumeRequest } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { chooseKmsKey, newEncryption } from '../encryption/choose-encryption.ts'
import { Ec2Error, invalidParameterCombination, invalidParameterValue, missingParameter } from '../errors.ts'
import { requireOneOf } from '../honoured.ts'
import { newId } from '../ids.ts'
import { withProductCodes } from '../marketplace/product-code.ts'
import type { Ec2Mutation, MutationContext } from '../operation.ts'
import type { Scope } from '../ports/store.ts'
import { requireQuota } from '../quota.ts'
import { requireCompleted } from '../snapshot/snapshot.ts'
import { findVisibleSnapshot } from '../snapshot/visible-snapshot.ts'
import { putTags, readTagSpecifications } from '../tag/tag.ts'
import { describeVolume } from './describe-volume.ts'
import type { VolumeRecord } from './volume.ts'
import { choosePerformance, requireVolumeSize, requireVolumeType } from './volume-type.ts'

const operation = 'CreateVolume'
const defaultVolumeType = 'gp2'

/** CreateVolume: empty or from a snapshot, in a zone. Its file is made after the answer. */
export function createVolume(domain: Domain): Ec2Mutation<'CreateVolume'> {
  return {
    kind: 'mutation',
    parameters: [
      'AvailabilityZone',
      'AvailabilityZoneId',
      'Encrypted',
      'KmsKeyId',
      'Iops',
      'MultiAttachEnabled',
      'Size',
      'SnapshotId',
      'Throughput',
      'VolumeType',
      'TagSpecifications',
      'ClientToken',
    ],
    apply: (context, input) => {
      const { store } = domain
      const volume = planVolume(domain, context, input)
      const tags = readTagSpecifications(input.TagSpecifications, ['volume'])
      requireQuota(domain.settings.quotas, 'volumes', {
        present: store.volumes.count(context),
        code: 'VolumeLimitExceeded',
      })
      store.volumes.insert(volume)
      putTags(store, context, volume.id, 'volume', tags.get('volume') ?? [])
      context.afterCommit(() => domain.volumes.wake(volume.id))
      return describeVolume(domain, volume)
    },
  }
}

function planVolume(domain: Domain, context: MutationContext, input: CreateVolumeRequest): VolumeRecord {
  const { store } = domain
  const availabilityZone = readZone(domain, context, input)
  const volumeType = requireVolumeType(input.VolumeType ?? defaultVolumeType)
  requireOneOf(operation, 'MultiAttachEnabled', input.MultiAttachEnabled, [false])
  const snapshot =
    input.SnapshotId === undefined ? undefined : requireCompleted(findVisibleSnapshot(store, context, input.SnapshotId))
  const sizeGib = input.Size ?? snapshot?.volumeSizeGib
  if (sizeGib === undefined) throw missingParameter('size/snapshot')
  if (snapshot && sizeGib < snapshot.volumeSizeGib) {
    throw new Ec2Error(
      'InvalidParameterValue',
      `Volume of size ${sizeGib}GB is smaller than snapshot '${snapshot.id}', expect size >= ${snapshot.volumeSizeGib}GB`,
    )
  }
  requireVolumeSize(volumeType, sizeGib, snapshot)
  const { accountId, region } = context
  return {
    accountId,
    region,
    id: newId('vol', domain.random),
    state: 'creating',
    availabilityZone,
    sizeGib,
    ...(snapshot ? { snapshotId: snapshot.id, layerId: snapshot.layerId } : {}),
    volumeType,
    ...choosePerformance(volumeType, sizeGib, input),
    ...withProductCodes(snapshot?.productCodes),
    ...newEncryption(domain, chooseKmsKey(domain, context, input, snapshot)),
    createTime: context.now.toISOString(),
  }
}

/** The zone's name. Throws MissingParameter, InvalidZone.NotFound. */
function readZone(
  { regions }: Domain,
  { region }: Scope,
  { AvailabilityZone: name, AvailabilityZoneId: id }: CreateVolumeRequest,
): string {
  if (name === undefined && id === undefined) throw missingParameter('AvailabilityZone')
  if (name !== undefined && id !== undefined) {
    throw invalidParameterCombination('The parameters AvailabilityZone and AvailabilityZoneId may not be used together')
  }
  const zone = regions.get(region)?.zones.find((candidate) => candidate.name === name || candidate.id === id)
  if (zone) return zone.name
  if (id !== undefined)
    throw invalidParameterValue('availabilityZoneId', id.slice(0, 80), `${region} has no such zone.`)
  throw new Ec2Error('InvalidZone.NotFound', `The zone '${(name ?? '').slice(0, 80)}' does not exist.`)
}
