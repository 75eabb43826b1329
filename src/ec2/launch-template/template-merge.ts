import type {
  BlockDeviceMapping,
  InstanceNetworkInterfaceSpecification,
  RunInstancesRequest,
  TagSpecification,
} from '@aws-sdk/client-ec2'
import type { TemplateData } from './launch-template.ts'

/** Parameters whose members are parameters of their own: the request's stand over the template's one by one. */
const memberwise = ['MetadataOptions', 'Placement', 'PrivateDnsNameOptions', 'MaintenanceOptions'] as const

/**
 * A launch by a template: what the request says stands over what the template says, parameter by parameter. Lists with a key are
 * joined by it: interfaces by device index, volumes by device name, tags by kind of resource and tag key.
 */
export function mergeTemplate(template: TemplateData, request: RunInstancesRequest): RunInstancesRequest {
  const { Monitoring: monitoring, SecondaryInterfaces: _others, ...data } = template
  const {
    RamDiskId: _ramDisk,
    ElasticGpuSpecifications: _gpus,
    InstanceRequirements: _types,
    ...rest
  } = withoutReplacedGroups(data, request)
  const merged: RunInstancesRequest = {
    ...rest,
    ...(monitoring?.Enabled === undefined ? {} : { Monitoring: { Enabled: monitoring.Enabled } }),
    ...given(request),
  }
  for (const name of memberwise) {
    const members = { ...data[name], ...request[name] }
    if (Object.keys(members).length > 0) Object.assign(merged, { [name]: members })
  }
  const interfaces = mergeBy(
    data.NetworkInterfaces,
    request.NetworkInterfaces,
    ({ DeviceIndex: index }) => index ?? 0,
    mergeInterface,
  )
  const devices = mergeBy(
    data.BlockDeviceMappings,
    request.BlockDeviceMappings,
    ({ DeviceName: name }) => name,
    mergeDevice,
  )
  // Tags of what the launch does not make have nothing to be put on.
  const isSpot = merged.InstanceMarketOptions !== undefined
  const ownTags = data.TagSpecifications?.filter(
    ({ ResourceType: type }) => type !== 'elastic-gpu' && (isSpot || type !== 'spot-instances-request'),
  )
  const tags = mergeBy(ownTags, request.TagSpecifications, ({ ResourceType: type }) => type, mergeTags)
  return {
    ...merged,
    ...(interfaces.length > 0 ? { NetworkInterfaces: interfaces } : {}),
    ...(devices.length > 0 ? { BlockDeviceMappings: devices } : {}),
    TagSpecifications: tags,
  }
}

/** Groups by id and groups by name say the same thing: those of the request replace both. */
function withoutReplacedGroups<T extends TemplateData>(data: T, request: RunInstancesRequest): T {
  if (!request.SecurityGroupIds?.length && !request.SecurityGroups?.length) return data
  const { SecurityGroupIds: _ids, SecurityGroups: _names, ...rest } = data
  return rest as T
}

/** Absent members and empty lists say nothing. */
function given<T extends object>(request: T): T {
  const entries = Object.entries(request).filter(
    ([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0),
  )
  return Object.fromEntries(entries) as T
}

/** The template's items, those of the same key merged, then the request's others. */
function mergeBy<T>(
  template: readonly T[] = [],
  request: readonly T[] = [],
  keyOf: (item: T) => unknown,
  merge: (old: T, own: T) => T,
): T[] {
  const keys = new Set(template.map(keyOf))
  const joined = template.map((old) => {
    const own = request.find((item) => keyOf(item) === keyOf(old))
    return own === undefined ? old : merge(old, own)
  })
  return [...joined, ...request.filter((item) => !keys.has(keyOf(item)))]
}

/** Listed and counted IPv6 addresses say the same thing: those of the request replace both. */
function mergeInterface(
  old: InstanceNetworkInterfaceSpecification,
  own: InstanceNetworkInterfaceSpecification,
): InstanceNetworkInterfaceSpecification {
  if (!own.Ipv6Addresses?.length && own.Ipv6AddressCount === undefined) return { ...old, ...given(own) }
  const { Ipv6Addresses: _addresses, Ipv6AddressCount: _count, ...rest } = old
  return { ...rest, ...given(own) }
}

/** A device left out by one of the two is the request's alone. */
function mergeDevice(old: BlockDeviceMapping, own: BlockDeviceMapping): BlockDeviceMapping {
  if (old.NoDevice !== undefined || own.NoDevice !== undefined) return own
  const ebs = { ...old.Ebs, ...(own.Ebs ? given(own.Ebs) : {}) }
  return { ...old, ...own, ...(Object.keys(ebs).length > 0 ? { Ebs: ebs } : {}) }
}

function mergeTags(old: TagSpecification, own: TagSpecification): TagSpecification {
  const keys = new Set((own.Tags ?? []).map(({ Key }) => Key))
  return { ...own, Tags: [...(old.Tags ?? []).filter(({ Key }) => !keys.has(Key)), ...(own.Tags ?? [])] }
}
