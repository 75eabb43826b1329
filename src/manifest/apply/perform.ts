import { labTag } from '../lab.ts'
import type { Operation, RuleChanges } from '../plan/plan.ts'
import { writePermissions } from '../rule.ts'
import { changeRecords, createZone } from './dns-work.ts'
import {
  deleteNatGateway,
  deleteSubnet,
  deleteVpc,
  putAddress,
  putNatGateway,
  putRoutes,
  putSubnet,
  putVpc,
  releaseAddress,
} from './network-work.ts'
import { deletePeering, putPeering } from './peering-work.ts'
import { makeImage } from './make-image.ts'
import { coolImage, warmImage } from './warm-image.ts'
import { idOf, type Workshop } from './workshop.ts'
import { awaitInstance, changeInstance, changeType, launchInstance, terminateInstance } from './instance-work.ts'

/** Does one operation of a plan. */
export async function perform(workshop: Workshop, operation: Operation, tell: (text: string) => void): Promise<void> {
  const { call, lab, ids } = workshop
  switch (operation.kind) {
    case 'put-pipeline': {
      const { name, document } = operation.pipeline
      await call('KilnPutPipeline', { Name: name, Lab: lab, Document: document })
      return
    }
    case 'delete-pipeline':
      await call('KilnDeletePipeline', { Name: operation.name })
      return
    case 'make-image':
      return await makeImage(workshop, operation.address, operation.image, tell)
    case 'warm-image':
      return await warmImage(workshop, operation, tell)
    case 'cool-image':
      return await coolImage(workshop, operation.imageId)
    case 'deregister-image':
      await call('DeregisterImage', { ImageId: operation.imageId, DeleteAssociatedSnapshots: true })
      return
    case 'create-key-pair':
      return await createKeyPair(workshop, operation.keyPair)
    case 'delete-key-pair':
      await call('DeleteKeyPair', { KeyName: operation.name })
      return await workshop.keyFiles.remove(operation.name, operation.publicKey)
    case 'create-group': {
      const { key, name } = operation.group
      const { GroupId: id = '' } = await call('CreateSecurityGroup', {
        GroupName: name,
        Description: `Security group ${key} of the lab ${lab}`,
        ...(ids.has('vpc') ? { VpcId: idOf(workshop, 'vpc') } : {}),
        TagSpecifications: [{ ResourceType: 'security-group', Tags: tagsOf(workshop, operation.address, name) }],
      })
      ids.set(operation.address, id)
      return
    }
    case 'change-rules':
      return await changeRules(workshop, idOf(workshop, operation.group), operation)
    case 'delete-group':
      await call('DeleteSecurityGroup', { GroupId: operation.groupId })
      return
    case 'put-vpc':
      return await putVpc(workshop, operation)
    case 'put-subnet':
      return await putSubnet(workshop, operation)
    case 'put-routes':
      return await putRoutes(workshop, operation.subnet)
    case 'put-nat-gateway':
      return await putNatGateway(workshop, operation.gateway)
    case 'put-address':
      return await putAddress(workshop, operation.address)
    case 'release-address':
      return await releaseAddress(workshop, operation.allocationId)
    case 'put-peering':
      return await putPeering(workshop, operation)
    case 'delete-peering':
      return await deletePeering(workshop, operation)
    case 'delete-nat-gateway':
      return await deleteNatGateway(workshop, operation.natGatewayId)
    case 'delete-subnet':
      return await deleteSubnet(workshop, operation)
    case 'delete-vpc':
      return await deleteVpc(workshop, operation)
    case 'launch-instance':
      return await launchInstance(workshop, operation.launch)
    case 'change-instance':
      return await changeInstance(workshop, operation.instanceId, operation)
    case 'change-type':
      return await changeType(workshop, operation, tell)
    case 'terminate-instance':
      return await terminateInstance(workshop, operation.instanceId)
    case 'put-schedule': {
      const { name, instance, action, cron, timeZone } = operation.schedule
      await call('KilnPutSchedule', {
        Name: name,
        InstanceIds: [idOf(workshop, instance)],
        Action: action,
        Cron: cron,
        ...(timeZone === undefined ? {} : { TimeZone: timeZone }),
      })
      return
    }
    case 'delete-schedule':
      await call('KilnDeleteSchedule', { Name: operation.name })
      return
    case 'create-zone':
      return await createZone(workshop, operation)
    case 'change-records':
      return await changeRecords(workshop, operation)
    case 'delete-zone':
      await call('KilnDeleteDnsZone', { ZoneId: operation.zoneId, IsForced: true })
      return
    case 'inject-fault': {
      const { name, effect, targets, against, durationSeconds } = operation.fault
      await call('KilnInjectFault', {
        ...effect,
        Name: name,
        DurationSeconds: durationSeconds,
        ...(targets.length > 0 ? { Targets: targets.map((target) => idOf(workshop, target)) } : {}),
        ...(against.length > 0 ? { Against: against.map((target) => idOf(workshop, target)) } : {}),
      })
      return
    }
    case 'clear-fault':
      await clearFault(workshop, operation.faultId)
      return
    case 'await-instance':
      return await awaitInstance(workshop, idOf(workshop, operation.address), operation.goal, tell)
  }
}

/** It may be over by now. */
async function clearFault({ call }: Workshop, id: string): Promise<void> {
  const { Faults: faults } = await call('KilnDescribeFaults', {})
  if (faults.some(({ FaultId }) => FaultId === id)) await call('KilnClearFaults', { FaultIds: [id] })
}

function tagsOf({ lab }: Workshop, address: string, name: string): { Key: string; Value: string }[] {
  return [
    { Key: 'Name', Value: name },
    { Key: labTag.lab, Value: lab },
    { Key: labTag.resource, Value: address },
  ]
}

/** Both kinds are imported: a private key is on disk before anybody trusts it, however this process ends. */
async function createKeyPair(
  workshop: Workshop,
  { key, name, source }: Extract<Operation, { kind: 'create-key-pair' }>['keyPair'],
): Promise<void> {
  const publicKey = source.kind === 'imported' ? source.publicKey : await workshop.keyFiles.ensure(name, source.type)
  const { KeyPairId: id = '' } = await workshop.call('ImportKeyPair', {
    KeyName: name,
    PublicKeyMaterial: Buffer.from(publicKey),
    TagSpecifications: [{ ResourceType: 'key-pair', Tags: tagsOf(workshop, `keyPairs.${key}`, name) }],
  })
  workshop.ids.set(`keyPairs.${key}`, id)
}

/** Old rules go first: EC2 takes a rule that differs in its description alone for the same one. */
async function changeRules(workshop: Workshop, GroupId: string, changes: RuleChanges): Promise<void> {
  const { call } = workshop
  const write = (rules: RuleChanges[keyof RuleChanges]) =>
    writePermissions(rules, (group) =>
      idOf(workshop, workshop.ids.has(`securityGroups.${group}`) ? `securityGroups.${group}` : group),
    )
  const { revokeIngress, revokeEgress, authorizeIngress, authorizeEgress } = changes
  if (revokeIngress.length > 0) {
    await call('RevokeSecurityGroupIngress', { GroupId, IpPermissions: write(revokeIngress) })
  }
  if (revokeEgress.length > 0) {
    await call('RevokeSecurityGroupEgress', { GroupId, IpPermissions: write(revokeEgress) })
  }
  if (authorizeIngress.length > 0) {
    await call('AuthorizeSecurityGroupIngress', { GroupId, IpPermissions: write(authorizeIngress) })
  }
  if (authorizeEgress.length > 0) {
    await call('AuthorizeSecurityGroupEgress', { GroupId, IpPermissions: write(authorizeEgress) })
  }
}
