import type { Domain } from '../domain.ts'
import { invalidParameterValue } from '../errors.ts'
import { findAll, findOne } from '../ids.ts'
import type { Ec2Mutation } from '../operation.ts'
import { refuseOtherMembers, requireOneOf } from '../honoured.ts'
import { readTagSpecifications } from '../tag/tag.ts'
import { describeSnapshot } from './describe-snapshot.ts'
import { freezeSoon, planSnapshots } from './plan-snapshot.ts'

/** CreateSnapshot: the volume as it is when the answer comes, in use or not; `pending` until it is on disk for good. */
export function createSnapshot(domain: Domain): Ec2Mutation<'CreateSnapshot'> {
  const { store } = domain
  return {
    kind: 'mutation',
    parameters: ['Description', 'Location', 'VolumeId', 'TagSpecifications'],
    apply: (context, input) => {
      requireOneOf('CreateSnapshot', 'Location', input.Location, ['regional'])
      const volume = findOne('vol', input.VolumeId ?? '', (id) => store.volumes.get(context, id))
      const tags = readTagSpecifications(input.TagSpecifications, ['snapshot']).get('snapshot') ?? []
      const snapshots = planSnapshots(domain, context, [{ volume, tags }], { description: input.Description ?? '' })
      freezeSoon(domain, context, snapshots)
      const [snapshot] = snapshots
      if (!snapshot) throw new Error('a volume has a snapshot')
      return describeSnapshot(domain, snapshot)
    },
  }
}

/** CreateSnapshots: all volumes of an instance at one instant, but for those that are left out. */
export function createSnapshots(domain: Domain): Ec2Mutation<'CreateSnapshots'> {
  const { store } = domain
  return {
    kind: 'mutation',
    parameters: ['CopyTagsFromSource', 'Description', 'InstanceSpecification', 'Location', 'TagSpecifications'],
    apply: (context, input) => {
      requireOneOf('CreateSnapshots', 'Location', input.Location, ['regional'])
      const asked = input.InstanceSpecification
      refuseOtherMembers('CreateSnapshots', 'InstanceSpecification', asked, [
        'InstanceId',
        'ExcludeBootVolume',
        'ExcludeDataVolumeIds',
      ])
      const instance = findOne('i', asked?.InstanceId ?? '', (id) => store.instances.get(context, id))
      const attached = store.volumes.listBy('attachment.instanceId', instance.id)
      const excluded = findAll('vol', asked?.ExcludeDataVolumeIds ?? [], (id) => store.volumes.get(context, id))
      const isRoot = (deviceName: string | undefined) => deviceName === instance.rootDeviceName
      const stranger = excluded.find(
        ({ id, attachment }) => isRoot(attachment?.deviceName) || !attached.some((volume) => volume.id === id),
      )
      if (stranger) {
        throw invalidParameterValue(
          'excludeDataVolumeIds',
          stranger.id,
          `It is not a data volume of the instance ${instance.id}.`,
        )
      }
      const wanted = attached.filter(
        ({ id, attachment }) =>
          !excluded.some((volume) => volume.id === id) && !(asked?.ExcludeBootVolume && isRoot(attachment?.deviceName)),
      )
      if (wanted.length === 0) {
        throw invalidParameterValue('instanceId', instance.id, 'No volume of the instance is left to be snapshotted.')
      }
      const given = readTagSpecifications(input.TagSpecifications, ['snapshot']).get('snapshot') ?? []
      const snapshots = planSnapshots(
        domain,
        context,
        wanted.map((volume) => ({
          volume,
          tags: [...(input.CopyTagsFromSource === 'volume' ? store.tags.of(volume.id) : []), ...given],
        })),
        { description: input.Description ?? '' },
      )
      freezeSoon(domain, context, snapshots)
      return {
        Snapshots: snapshots.map((snapshot) => {
          const {
            FullSnapshotSizeInBytes: _size,
            StorageTier: _tier,
            ...described
          } = describeSnapshot(domain, snapshot)
          return described
        }),
      }
    },
  }
}
