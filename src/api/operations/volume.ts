import type { Domain } from '../../ec2/domain.ts'
import { createReplaceRootVolumeTask } from '../../ec2/root-volume-task/create-task.ts'
import { describeReplaceRootVolumeTasks } from '../../ec2/root-volume-task/describe-tasks.ts'
import { attachVolume } from '../../ec2/volume/attach-volume.ts'
import { createVolume } from '../../ec2/volume/create-volume.ts'
import { deleteVolume } from '../../ec2/volume/delete-volume.ts'
import { describeVolumesModifications } from '../../ec2/volume/describe-modifications.ts'
import { describeVolumes } from '../../ec2/volume/describe-volumes.ts'
import { detachVolume } from '../../ec2/volume/detach-volume.ts'
import { modifyVolume } from '../../ec2/volume/modify-volume.ts'
import { describeVolumeAttribute, modifyVolumeAttribute } from '../../ec2/volume/volume-attribute.ts'
import { describeVolumeStatus, enableVolumeIo } from '../../ec2/volume/volume-status.ts'
import type { AnyOperation } from '../dispatch.ts'

export function volumeOperations(domain: Domain) {
  return {
    CreateVolume: createVolume(domain),
    DeleteVolume: deleteVolume(domain),
    AttachVolume: attachVolume(domain),
    DetachVolume: detachVolume(domain),
    DescribeVolumes: describeVolumes(domain),
    DescribeVolumeStatus: describeVolumeStatus(domain),
    EnableVolumeIO: enableVolumeIo(domain),
    DescribeVolumeAttribute: describeVolumeAttribute(domain),
    ModifyVolumeAttribute: modifyVolumeAttribute(domain),
    ModifyVolume: modifyVolume(domain),
    DescribeVolumesModifications: describeVolumesModifications(domain),
    CreateReplaceRootVolumeTask: createReplaceRootVolumeTask(domain),
    DescribeReplaceRootVolumeTasks: describeReplaceRootVolumeTasks(domain),
  } satisfies Record<string, AnyOperation>
}
