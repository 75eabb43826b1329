import type { DhcpOptions, NewDhcpConfiguration } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { dependencyViolation, invalidParameterValue, missingParameter, unsupportedOperation } from '../errors.ts'
import { findOne, newId } from '../ids.ts'
import { isIpv4Address } from '../ipv4.ts'
import type { Ec2Mutation } from '../operation.ts'
import { amazonProvidedDns } from '../ports/network.ts'
import type { Store } from '../ports/store.ts'
import { describeTags, putTags, readTagSpecifications } from '../tag/tag.ts'
import { type DhcpConfiguration, type DhcpOptionName, dhcpOptionNames, type DhcpOptionsRecord } from './dhcp-options.ts'

/** EC2 takes up to four servers of a kind. */
const maximumServers = 4

/** CreateDhcpOptions: what the guests of the VPCs that get it are told. */
export function createDhcpOptions({ store, random }: Domain): Ec2Mutation<'CreateDhcpOptions'> {
  return {
    kind: 'mutation',
    parameters: ['DhcpConfigurations', 'TagSpecifications'],
    apply: (context, input) => {
      const tags = readTagSpecifications(input.TagSpecifications, ['dhcp-options']).get('dhcp-options') ?? []
      const configurations = readConfigurations(input.DhcpConfigurations ?? [])
      const { accountId, region } = context
      const options: DhcpOptionsRecord = { accountId, region, id: newId('dopt', random), configurations }
      store.dhcpOptions.insert(options)
      putTags(store, context, options.id, 'dhcp-options', tags)
      return { DhcpOptions: describeOptions(store, options) }
    },
  }
}

/** DeleteDhcpOptions: refused while a VPC has them. */
export function deleteDhcpOptions({ store }: Domain): Ec2Mutation<'DeleteDhcpOptions'> {
  return {
    kind: 'mutation',
    parameters: ['DhcpOptionsId'],
    apply: (context, input) => {
      const options = findOne('dopt', input.DhcpOptionsId ?? '', (id) => store.dhcpOptions.get(context, id))
      if (store.vpcs.countBy('dhcpOptionsId', options.id) > 0) {
        throw dependencyViolation(`The dhcpOptions '${options.id}' has dependencies and cannot be deleted.`)
      }
      store.dhcpOptions.remove(options.id)
      store.tags.removeAll(options.id)
      return {}
    },
  }
}

/** DHCP options in EC2's shape. */
export function describeOptions(store: Store, { id, accountId, configurations }: DhcpOptionsRecord): DhcpOptions {
  return {
    DhcpOptionsId: id,
    OwnerId: accountId,
    DhcpConfigurations: configurations.map(({ key, values }) => ({
      Key: key,
      Values: values.map((Value) => ({ Value })),
    })),
    Tags: describeTags(store.tags.of(id)),
  }
}

function readConfigurations(given: readonly NewDhcpConfiguration[]): DhcpConfiguration[] {
  if (given.length === 0) throw missingParameter('dhcpConfiguration')
  const read = new Map<DhcpOptionName, DhcpConfiguration>()
  for (const { Key: name = '', Values: values = [] } of given) {
    const key = readName(name)
    // As clients differ: several servers in one value, or one a value.
    const listed = (key === 'domain-name' ? values : values.flatMap((value) => value.split(','))).map((value) =>
      value.trim(),
    )
    requireValues(key, listed)
    read.set(key, { key, values: listed })
  }
  return [...read.values()]
}

function readName(name: string): DhcpOptionName {
  const key = dhcpOptionNames.find((candidate) => candidate === name)
  if (key) return key
  if (/^netbios-(name-servers|node-type)$|^ipv6-address-preferred-lease-time$/.test(name)) {
    throw unsupportedOperation(`The DHCP option ${name} is not supported by Kiln: guests are not told of it.`)
  }
  throw invalidParameterValue(
    'dhcpConfiguration.key',
    name.slice(0, 80),
    `Expected one of ${dhcpOptionNames.join(', ')}.`,
  )
}

function requireValues(key: DhcpOptionName, values: readonly string[]): void {
  const refuse = (value: string, why: string) => invalidParameterValue(key, value.slice(0, 80), why)
  if (key === 'domain-name') {
    const [name = '', ...others] = values
    if (others.length > 0) throw refuse(values.join(', '), 'Expected one value; several names are separated by spaces.')
    if (name.length <= 255 && /^[A-Za-z0-9_.-]+( [A-Za-z0-9_.-]+)*$/.test(name)) return
    throw refuse(name, 'Expected names of letters, digits, dots and hyphens, separated by spaces.')
  }
  if (values.length === 0 || values.length > maximumServers) {
    throw refuse(values.join(', '), `Expected 1 to ${maximumServers} servers.`)
  }
  for (const value of values) {
    if (isIpv4Address(value) || (key === 'domain-name-servers' && value === amazonProvidedDns)) continue
    throw refuse(value, 'Expected an IPv4 address.')
  }
}
