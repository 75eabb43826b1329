import type { Domain } from '../domain.ts'
import { chooseKmsKey, newEncryption } from '../encryption/choose-encryption.ts'
import { Ec2Error } from '../errors.ts'
import { findOne, newId } from '../ids.ts'
import type { InstanceRecord } from '../instance/instance.ts'
import { withProductCodes } from '../marketplace/product-code.ts'
import type { Ec2Mutation, MutationContext } from '../operation.ts'
import type { SnapshotRecord } from '../snapshot/snapshot.ts'
import { requireQuota } from '../quota.ts'
import { putTags, readTagSpecifications } from '../tag/tag.ts'
import type { VolumeRecord } from '../volume/volume.ts'
import { requireVolumeSize } from '../volume/volume-type.ts'
import { chooseSource, findNamedSource } from './choose-source.ts'
import { describeTask } from './describe-tasks.ts'
import { findRootVolume, findTaskUnderWay, type RootVolumeTaskRecord } from './root-volume-task.ts'

const resourceType = 'replace-root-volume-task'

/**
 * CreateReplaceRootVolumeTask: a new root volume for a running instance, as it was at the launch, at a snapshot, or of an AMI. The instance
 * is rebooted for it and keeps everything else; the old volume stays, detached, unless it shall be deleted.
 */
export function createReplaceRootVolumeTask(domain: Domain): Ec2Mutation<'CreateReplaceRootVolumeTask'> {
  const { store, random } = domain
  return {
    kind: 'mutation',
    parameters: ['InstanceId', 'SnapshotId', 'ImageId', 'DeleteReplacedRootVolume', 'TagSpecifications', 'ClientToken'],
    apply: (context, input) => {
      const instance = findOne('i', input.InstanceId ?? '', (id) => store.instances.get(context, id))
      const named = findNamedSource(domain, context, input)
      const root = requireReplaceable(domain, instance)
      const source = chooseSource(domain, context, { instance, root }, named)
      const tags = readTagSpecifications(input.TagSpecifications, [resourceType]).get(resourceType) ?? []
      requireQuota(domain.settings.quotas, 'volumes', {
        present: store.volumes.count(context),
        code: 'VolumeLimitExceeded',
      })
      const { accountId, region } = context
      const now = context.now.toISOString()
      const sizeGib = Math.max(root.sizeGib, source.sizeGib)
      requireVolumeSize(root.volumeType, sizeGib, undefined)
      const volume: VolumeRecord = {
        accountId,
        region,
        id: newId('vol', random),
        state: 'creating',
        availabilityZone: root.availabilityZone,
        sizeGib,
        snapshotId: source.snapshot.id,
        layerId: source.snapshot.layerId,
        volumeType: root.volumeType,
        ...(root.iops === undefined ? {} : { iops: root.iops }),
        ...(root.throughputMibps === undefined ? {} : { throughputMibps: root.throughputMibps }),
        ...withProductCodes(source.productCodes, source.snapshot.productCodes),
        ...newEncryption(domain, rootKmsKey(domain, context, root, source.snapshot)),
        createTime: now,
      }
      const task: RootVolumeTaskRecord = {
        accountId,
        region,
        id: newId('replacevol', random),
        instanceId: instance.id,
        state: 'pending',
        startTime: now,
        volumeId: volume.id,
        snapshotId: source.snapshot.id,
        ...(source.imageId === undefined ? {} : { imageId: source.imageId }),
        launchSnapshotId: source.launchSnapshotId,
        deletesReplaced: input.DeleteReplacedRootVolume ?? false,
      }
      store.volumes.insert(volume)
      store.rootVolumeTasks.insert(task)
      putTags(store, context, task.id, resourceType, tags)
      context.afterCommit(() => domain.instances.wake(instance.id))
      return { ReplaceRootVolumeTask: describeTask(store, task) }
    },
  }
}

/** The new root volume is encrypted when the old one is, or what it is made of, under the old one's key. */
function rootKmsKey(
  domain: Domain,
  context: MutationContext,
  root: VolumeRecord,
  snapshot: SnapshotRecord,
): string | undefined {
  return root.kmsKeyId ?? chooseKmsKey(domain, context, {}, snapshot)
}

/** The root volume of an instance whose root volume can be replaced now. */
function requireReplaceable({ store }: Domain, instance: InstanceRecord): VolumeRecord {
  if (instance.state !== 'running') {
    throw new Ec2Error('IncorrectInstanceState', `The instance '${instance.id}' is not in the 'running' state.`)
  }
  const present = findTaskUnderWay(store, instance.id)
  if (present) {
    throw new Ec2Error(
      'IncorrectState',
      `The root volume of the instance '${instance.id}' is being replaced already, by the task '${present.id}'.`,
    )
  }
  const root = findRootVolume(store, instance)
  if (root) return root
  throw new Ec2Error('InvalidParameterValue', `The instance ${instance.id} has no volume attached at its root device.`)
}
