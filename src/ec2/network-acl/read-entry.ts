import type { CreateNetworkAclEntryRequest } from '@aws-sdk/client-ec2'
import { readCidr } from '../cidr.ts'
import { Ec2Error, invalidParameterCombination, invalidParameterValue, missingParameter } from '../errors.ts'
import type { NetworkAclEntry } from './network-acl.ts'

/** EC2 keeps the numbers from there on for itself. */
const maximumRuleNumber = 32_766
const protocolNumbers: Readonly<Record<string, string>> = { all: '-1', icmp: '1', tcp: '6', udp: '17', icmpv6: '58' }

/**
 * The entry that a request describes. Ports count for TCP and UDP, types for ICMP; with any other protocol EC2 takes them for all
 * ("CreateNetworkAclEntry"). Throws InvalidParameterValue, MissingParameter, InvalidParameterCombination.
 */
export function readEntry(input: CreateNetworkAclEntryRequest): NetworkAclEntry {
  const protocol = readProtocol(input.Protocol ?? '')
  const action = input.RuleAction
  if (!action) throw missingParameter('ruleAction')
  return {
    ruleNumber: requireRuleNumber(input.RuleNumber),
    isEgress: input.Egress ?? false,
    protocol,
    action,
    ...readBlock(input),
    ...readPorts(protocol, input),
    ...readIcmp(protocol, input),
  }
}

/** Throws InvalidParameterValue for a number that users do not have. */
export function requireRuleNumber(ruleNumber = 0): number {
  if (ruleNumber >= 1 && ruleNumber <= maximumRuleNumber) return ruleNumber
  throw invalidParameterValue('ruleNumber', ruleNumber, `Expecting a value between 1 and ${maximumRuleNumber}.`)
}

function readProtocol(text: string): string {
  const protocol = protocolNumbers[text.toLowerCase()] ?? text
  if (protocol === '-1' || (/^\d{1,3}$/.test(protocol) && Number(protocol) <= 255)) return String(Number(protocol))
  throw invalidParameterValue('protocol', text.slice(0, 40), 'Expected a protocol number, or -1 for all.')
}

function readBlock({
  CidrBlock: cidrIpv4,
  Ipv6CidrBlock: cidrIpv6,
}: CreateNetworkAclEntryRequest): Pick<NetworkAclEntry, 'cidrIpv4' | 'cidrIpv6'> {
  if (cidrIpv4 && cidrIpv6) {
    throw invalidParameterCombination('The parameters cidrBlock and ipv6CidrBlock may not be used together')
  }
  if (cidrIpv6) return { cidrIpv6: readCidr(cidrIpv6, 'ipv6') }
  if (!cidrIpv4) throw missingParameter('cidrBlock')
  return { cidrIpv4: readCidr(cidrIpv4, 'ipv4') }
}

function readPorts(
  protocol: string,
  { PortRange: range }: CreateNetworkAclEntryRequest,
): Pick<NetworkAclEntry, 'fromPort' | 'toPort'> {
  if (protocol !== '6' && protocol !== '17') return {}
  const { From: from, To: to } = range ?? {}
  if (from === undefined || to === undefined) throw missingParameter('portRange')
  if (from < 0 || to > 65_535 || from > to) {
    throw new Ec2Error('InvalidParameterValue', `Invalid TCP/UDP port range (${from}:${to})`)
  }
  return { fromPort: from, toPort: to }
}

function readIcmp(
  protocol: string,
  { IcmpTypeCode: given, Ipv6CidrBlock: cidrIpv6 }: CreateNetworkAclEntryRequest,
): Pick<NetworkAclEntry, 'icmpType' | 'icmpCode'> {
  if (protocol !== '1' && !(protocol === '58' && cidrIpv6)) return {}
  const { Type: type, Code: code } = given ?? {}
  if (type === undefined || code === undefined) throw missingParameter('icmpTypeCode')
  if (type < -1 || type > 255 || code < -1 || code > 255 || (type === -1 && code !== -1)) {
    throw new Ec2Error('InvalidParameterValue', `Invalid ICMP type and code (${type}:${code})`)
  }
  return { icmpType: type, icmpCode: code }
}
