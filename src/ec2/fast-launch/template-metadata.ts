import type { InstanceMetadata, MetadataAsker } from '../ports/metadata.ts'
import type { Store } from '../ports/store.ts'
import type { WarmTemplateRecord } from './fast-launch.ts'
import { templateInterfaceOf, templateNetwork } from './template-network.ts'

/** Who asks from a template's network; undefined when there is none of that id. */
export function findTemplateAsker(store: Store, networkId: string, sourceIp: string): MetadataAsker | undefined {
  const [template] = store.warmTemplates.listBy('networkId', networkId)
  if (!template || sourceIp !== templateNetwork.address) return undefined
  return { instanceId: template.id, describe: () => describeTemplate(store, template) }
}

/** As of an instance that nobody launched: it has no user data, no key, no role, and an id that no instance has. */
function describeTemplate(store: Store, template: WarmTemplateRecord): InstanceMetadata {
  const { id, accountId, region, imageId, instanceType, macAddress } = template
  const image = store.images.find(imageId)
  const rootDeviceName = image?.rootDeviceName ?? '/dev/sda1'
  const { cidr, subnetId, subnetCidr, address, hostName: localHostname } = templateNetwork
  return {
    instanceId: `i-${id.slice(-17)}`,
    ...{ accountId, imageId, instanceType, region, localHostname },
    ancestorImageIds: [],
    lifeCycle: 'on-demand',
    ...{ scheduledEvents: [], pastEvents: [], securityGroupNames: [] },
    hypervisor: 'nitro',
    ...{ isMonitored: false, isHibernationConfigured: false },
    architecture: image?.architecture ?? 'x86_64',
    launchIndex: 0,
    launchTime: new Date(template.createdAt),
    reservationId: `r-${id.slice(-17)}`,
    availabilityZone: `${region}a`,
    availabilityZoneId: '',
    privateIp: address,
    blockDeviceMapping: { ami: rootDeviceName, root: rootDeviceName },
    interfaces: [
      {
        mac: macAddress,
        interfaceId: templateInterfaceOf(template),
        ...{ deviceNumber: 0, networkCard: 0, ownerId: accountId, vpcId: template.networkId },
        ...{ vpcCidrs: [cidr], subnetId, subnetCidr },
        ...{ privateIps: [address], publicIps: [], localHostname },
        ...{ securityGroupIds: [], securityGroupNames: [] },
      },
    ],
    options: { isEnabled: true, tokens: 'optional', hopLimit: 1, areTagsEnabled: false },
  }
}
