import type { Domain } from '../domain.ts'
import { invalidParameterCombination } from '../errors.ts'
import type { Ec2Mutation } from '../operation.ts'
import { findLivingInstance } from './find-instance.ts'
import { requireEnforcedTokens } from './metadata-defaults.ts'
import { requireServableKeys } from './metadata-tag.ts'
import { describeMetadataOptions, metadataStateOf, readMetadataOptions } from './metadata-options.ts'

/**
 * ModifyInstanceMetadataOptions: the metadata service asks the record at each request, so what it says is in force with the answer. The
 * hop limit is in the firewall of the VPC: `pending` until that has been brought to it.
 */
export function modifyInstanceMetadataOptions(domain: Domain): Ec2Mutation<'ModifyInstanceMetadataOptions'> {
  const { store, instances } = domain
  return {
    kind: 'mutation',
    parameters: [
      'InstanceId',
      'HttpTokens',
      'HttpPutResponseHopLimit',
      'HttpEndpoint',
      'HttpProtocolIpv6',
      'InstanceMetadataTags',
    ],
    apply: (context, { InstanceId: id, ...request }) => {
      const instance = findLivingInstance(store, context, id)
      if (Object.values(request).every((value) => value === undefined)) {
        throw invalidParameterCombination('No metadata options specified.')
      }
      const options = readMetadataOptions(request, instance.metadataOptions)
      if (request.HttpTokens !== undefined) {
        requireEnforcedTokens(store, context, options, 'enable IMDSv1 on this instance')
      }
      if (request.InstanceMetadataTags !== undefined) requireServableKeys(options, store.tags.of(instance.id))
      store.instances.replace({ ...instance, metadataOptions: options })
      const hasMachine = instances.runtimeOf(instance.id)?.machine !== undefined
      if (hasMachine) context.afterCommit(() => bringIntoForce(domain, instance.id, instance.vpcId))
      return {
        InstanceId: instance.id,
        InstanceMetadataOptions: describeMetadataOptions(
          options,
          hasMachine ? 'pending' : metadataStateOf(instances.runtimeOf(instance.id)),
        ),
      }
    },
  }
}

function bringIntoForce({ instances, networks }: Domain, instanceId: string, vpcId: string): void {
  const runtime = instances.runtimeOf(instanceId)
  if (!runtime) return
  runtime.pendingMetadataChanges++
  networks.refreshSoon(vpcId, () => runtime.pendingMetadataChanges--)
}
