import type { Domain } from '../../ec2/domain.ts'
import { attachVolume } from '../../ec2/volume/attach-volume.ts'
import { createVolume } from '../../ec2/volume/create-volume.ts'
import { deleteVolume } from '../../ec2/volume/delete-volume.ts'
import { describeVolumes } from '../../ec2/volume/describe-volumes.ts'
import { detachVolume } from '../../ec2/volume/detach-volume.ts'
import type { AnyOperation } from '../dispatch.ts'

export function volumeOperations(domain: Domain) {
  return {
    CreateVolume: createVolume(domain),
    DeleteVolume: deleteVolume(domain),
    AttachVolume: attachVolume(domain),
    DetachVolume: detachVolume(domain),
    DescribeVolumes: describeVolumes(domain),
  } satisfies Record<string, AnyOperation>
}
