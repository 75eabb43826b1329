import { isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'
import { Ec2Error } from '../errors.ts'
import { isIpv4Address } from '../ipv4.ts'
import type { DnsRecordType } from '../ports/vpc-names.ts'

const labelPattern = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/
const longestName = 253
/** As in Route 53 ("TXT record type"). */
const longestText = 4000

/** A domain name in lower case, without the dot at its end; undefined when it is none. */
export function readDomainName(text: string): string | undefined {
  const name = text.toLowerCase().replace(/\.$/, '')
  return name.length <= longestName && name.split('.').every((label) => labelPattern.test(label)) ? name : undefined
}

/**
 * The full name of a record: `web`, `web.lab.internal` and `web.lab.internal.` are the same in the zone lab.internal, `@` is the zone
 * itself, and the first label may be `*`. Throws InvalidChangeBatch.
 */
export function readRecordName(zone: string, text: string): string {
  const given = text.toLowerCase()
  const isWhole = given.endsWith('.') || given === zone || given.endsWith(`.${zone}`)
  const name = given === '@' ? zone : isWhole ? given.replace(/\.$/, '') : `${given}.${zone}`
  const plain = name.startsWith('*.') ? name.slice(2) : name
  const isInside = name === zone || name.endsWith(`.${zone}`)
  if (isInside && readDomainName(plain) !== undefined && name.length <= longestName) return name
  throw invalidChange(`'${text.slice(0, 80)}' is no name in the zone ${zone}`)
}

/** The values of a record set in their usual spelling. Throws InvalidChangeBatch. */
export function readRecordValues(type: DnsRecordType, texts: readonly string[]): string[] {
  const values = texts.map((text) => readValue(type, text))
  if (values.length === 0) throw invalidChange(`a record of type ${type} needs a value`)
  if (type === 'CNAME' && values.length > 1) throw invalidChange('a CNAME has one value')
  if (new Set(values).size < values.length) throw invalidChange('a value is given twice')
  return values
}

/** Route 53's error for changes that cannot be. */
export function invalidChange(why: string): Ec2Error {
  return new Ec2Error('InvalidChangeBatch', `The change is not possible: ${why}.`)
}

function readValue(type: DnsRecordType, text: string): string {
  const refuse = (expected: string) =>
    invalidChange(`'${text.slice(0, 80)}' is no value of type ${type}: expected ${expected}`)
  switch (type) {
    case 'A':
      if (isIpv4Address(text)) return text
      throw refuse('an IPv4 address')
    case 'AAAA':
      if (isIPv6(text) && !text.includes('%')) return ipaddr.IPv6.parse(text).toString()
      throw refuse('an IPv6 address')
    case 'CNAME': {
      const name = readDomainName(text)
      if (name !== undefined) return name
      throw refuse('a name')
    }
    case 'SRV': {
      const [priority, weight, port, target = '', ...more] = text.split(' ')
      const numbers = [priority, weight, port]
      const areNumbers = numbers.every((part) => /^\d{1,5}$/.test(part ?? '') && Number(part) <= 65_535)
      const name = readDomainName(target)
      if (areNumbers && name !== undefined && more.length === 0) return [...numbers.map(Number), name].join(' ')
      throw refuse('priority weight port target')
    }
    case 'TXT':
      if (Buffer.byteLength(text) <= longestText) return text
      throw refuse(`at most ${longestText} bytes`)
  }
}
