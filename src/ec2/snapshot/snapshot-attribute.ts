import type { Domain } from '../domain.ts'
import { requireShareable } from '../encryption/require-shareable.ts'
import { Ec2Error, missingParameter, unsupportedOperation } from '../errors.ts'
import { describeProductCodes } from '../marketplace/product-code.ts'
import type { Ec2Mutation, Ec2Query } from '../operation.ts'
import { changeSharing, describeSharing, withoutSharing } from '../sharing.ts'
import { readSharingChange } from '../sharing-change.ts'
import { requirePublicSnapshotsAllowed } from './block-public-access.ts'
import { saveSnapshot } from './save-snapshot.ts'
import { findOwnSnapshot } from './visible-snapshot.ts'

/** DescribeSnapshotAttribute: for the owner of the snapshot. */
export function describeSnapshotAttribute(domain: Domain): Ec2Query<'DescribeSnapshotAttribute'> {
  return {
    kind: 'query',
    parameters: ['SnapshotId', 'Attribute'],
    answer: (context, input) => {
      if (input.Attribute === undefined) throw missingParameter('Attribute')
      const snapshot = findOwnSnapshot(domain, context, input.SnapshotId)
      return input.Attribute === 'productCodes'
        ? { SnapshotId: snapshot.id, ProductCodes: describeProductCodes(snapshot.productCodes) }
        : { SnapshotId: snapshot.id, CreateVolumePermissions: describeSharing(snapshot) }
    },
  }
}

/** ModifySnapshotAttribute: whom the owner lets make volumes of the snapshot. */
export function modifySnapshotAttribute(domain: Domain): Ec2Mutation<'ModifySnapshotAttribute'> {
  return {
    kind: 'mutation',
    parameters: ['SnapshotId', 'Attribute', 'CreateVolumePermission', 'OperationType', 'UserIds', 'GroupNames'],
    apply: (context, input) => {
      const snapshot = findOwnSnapshot(domain, context, input.SnapshotId)
      refuseProductCodes(input.Attribute)
      const change = readSharingChange({
        operation: 'ModifySnapshotAttribute',
        path: 'CreateVolumePermission',
        code: 'InvalidParameterValue',
        permission: input.CreateVolumePermission,
        operationType: input.OperationType,
        userIds: input.UserIds,
        groups: input.GroupNames,
      })
      requireShareable(context, change, [snapshot])
      const changed = changeSharing(snapshot, change)
      if (change.added.hasAll && changed.sharing?.isPublic) {
        if (snapshot.productCodes) {
          throw new Ec2Error(
            'OperationNotPermitted',
            `Snapshots with AWS Marketplace product codes cannot be made public: ${snapshot.id} has ${snapshot.productCodes.join(', ')}.`,
          )
        }
        requirePublicSnapshotsAllowed(domain.store, context)
      }
      saveSnapshot(domain, context, changed)
      return {}
    },
  }
}

/** ResetSnapshotAttribute: the snapshot is its owner's alone again. */
export function resetSnapshotAttribute(domain: Domain): Ec2Mutation<'ResetSnapshotAttribute'> {
  return {
    kind: 'mutation',
    parameters: ['SnapshotId', 'Attribute'],
    apply: (context, input) => {
      if (input.Attribute === undefined) throw missingParameter('Attribute')
      refuseProductCodes(input.Attribute)
      saveSnapshot(domain, context, withoutSharing(findOwnSnapshot(domain, context, input.SnapshotId)))
      return {}
    },
  }
}

function refuseProductCodes(attribute: string | undefined): void {
  if (attribute === 'productCodes')
    throw unsupportedOperation('Product codes of a snapshot follow from its volume: they cannot be changed.')
}
