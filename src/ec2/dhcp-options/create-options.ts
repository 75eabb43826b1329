import type { DhcpOptions, NewDhcpConfiguration } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import { dependencyViolation, invalidParameterValue, missingParameter } from '../errors.ts'
import { findOne, newId } from '../ids.ts'
import { isIpv4Address } from '../ipv4.ts'
import { canonicalIpv6 } from '../ipv6.ts'
import type { Ec2Mutation } from '../operation.ts'
import { amazonProvidedDns } from '../ports/dhcp.ts'
import type { Store } from '../ports/store.ts'
import { describeTags, putTags, readTagSpecifications } from '../tag/tag.ts'
import { type DhcpConfiguration, type DhcpOptionName, dhcpOptionNames, type DhcpOptionsRecord } from './dhcp-options.ts'

/** EC2 takes up to four servers of a kind, of NTP four of each family. */
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
  if (key === 'netbios-node-type' || key === 'ipv6-address-preferred-lease-time') {
    const number = values.length === 1 && /^\d{1,10}$/.test(values[0] ?? '') ? Number(values[0]) : Number.NaN
    const isNodeType = [1, 2, 4, 8].includes(number)
    const isLeaseTime = number >= 140 && number <= 2_147_483_647
    if (key === 'netbios-node-type' ? isNodeType : isLeaseTime) return
    const expected = key === 'netbios-node-type' ? '1, 2, 4 or 8' : 'seconds, 140 to 2147483647'
    throw refuse(values.join(', '), `Expected ${expected}.`)
  }
  requireServers(key, values)
}

/** NetBIOS is of IPv4 alone. */
function requireServers(key: DhcpOptionName, values: readonly string[]): void {
  const refuse = (value: string, why: string) => invalidParameterValue(key, value.slice(0, 80), why)
  const byIpv6 = values.filter((value) => key !== 'netbios-name-servers' && canonicalIpv6(value) !== undefined)
  const counts = key === 'ntp-servers' ? [byIpv6.length, values.length - byIpv6.length] : [values.length]
  if (values.length === 0 || counts.some((count) => count > maximumServers)) {
    const ofWhat = key === 'ntp-servers' ? 'servers of IPv4 and of IPv6 each' : 'servers'
    throw refuse(values.join(', '), `Expected 1 to ${maximumServers} ${ofWhat}.`)
  }
  for (const value of values) {
    const isFine = isIpv4Address(value) || (key === 'domain-name-servers' && value === amazonProvidedDns)
    if (isFine || byIpv6.includes(value)) continue
    throw refuse(value, key === 'netbios-name-servers' ? 'Expected an IPv4 address.' : 'Expected an IP address.')
  }
}
