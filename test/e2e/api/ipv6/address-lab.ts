import { type ApiLab, waitForState } from '../api-lab.ts'
import { createSubnet } from '../vpc-lab.ts'
import { createDualStackSubnet, createDualStackVpc } from './dual-stack-vpc.ts'

/** A VPC's subnet of both families and one without IPv6; `prefix` is the first four parts of the addresses of the former. */
export async function createBothSubnets(api: ApiLab) {
  const { vpcId, block } = await createDualStackVpc(api)
  const ipv6 = block.replace('/56', '/64')
  const { subnetId } = await createDualStackSubnet(api, vpcId, '10.0.1.0/24', ipv6)
  const plainSubnetId = await createSubnet(api, vpcId, '10.0.2.0/24')
  return { subnetId, plainSubnetId, prefix: ipv6.replace('::/64', '') }
}

/** Makes an interface; answers its id. */
export async function createInterface({ lab }: ApiLab, SubnetId: string, more: object = {}): Promise<string> {
  const { NetworkInterface: made } = await lab.call('CreateNetworkInterface', { SubnetId, ...more })
  return made?.NetworkInterfaceId ?? ''
}

export async function deleteInterfaces({ lab }: ApiLab, ...ids: string[]): Promise<void> {
  for (const NetworkInterfaceId of ids) await lab.call('DeleteNetworkInterface', { NetworkInterfaceId })
}

/** Sets whether interfaces of a subnet get an IPv6 address unasked. */
export async function setAssignOnCreation({ lab }: ApiLab, SubnetId: string, Value: boolean): Promise<void> {
  await lab.call('ModifySubnetAttribute', { SubnetId, AssignIpv6AddressOnCreation: { Value } })
}

/** What RunInstances is asked for one instance. */
export const launchOf = ({ imageId }: ApiLab, more: object) => ({
  ...{ ImageId: imageId, InstanceType: 't3.nano' as const, MinCount: 1, MaxCount: 1 },
  ...more,
})

/** Launches; answers the ids. */
export async function launch(api: ApiLab, more: object): Promise<string[]> {
  const { Instances: launched } = await api.lab.call('RunInstances', launchOf(api, more))
  return launched?.flatMap(({ InstanceId: id }) => id ?? []) ?? []
}

/** Terminates instances and waits for their end. */
export async function terminate(api: ApiLab, ...ids: string[]): Promise<void> {
  await api.lab.call('TerminateInstances', { InstanceIds: ids })
  for (const id of ids) await waitForState(api, id, 'terminated')
}
