import { z } from 'zod'
import { readDomainName, readRecordName, readRecordValues } from '../../ec2/dns-zone/record-value.ts'
import { Ec2Error } from '../../ec2/errors.ts'
import { dnsRecordTypes } from '../../ec2/ports/vpc-names.ts'
import { closed, fail, reference } from './closed.ts'
import type { ManifestScope } from './scope.ts'

/** `dnsZones`: private zones by their domains. Names and values are checked where the zone is known. */
export function dnsZonesSchema(scope: ManifestScope) {
  const zones = z.record(
    z
      .string()
      .refine((text) => readDomainName(text) === text, 'expected a domain in lower case, such as lab.internal.'),
    closed({ records: z.array(recordSchema(scope)).max(1000).describe('What names in it are answered with') }),
    'expected a map of domains.',
  )
  return zones.superRefine((value, context) => {
    for (const [zone, { records }] of Object.entries(value)) {
      const seen = new Set<string>()
      for (const [index, record] of records.entries()) {
        const problem = checkRecord(zone, record, seen)
        if (problem) fail(context, problem, [zone, 'records', index])
      }
    }
  })
}

function recordSchema({ instances }: ManifestScope) {
  const instance = reference('instance', instances)
  return closed({
    name: z.string().describe('In the zone, or whole; @ is the zone itself, *.apps all that has no record of its own'),
    type: z.enum(dnsRecordTypes).optional().describe('A when absent'),
    ttl: z.number().int().min(0).max(2_147_483_647).optional().describe('Seconds; 300, of instances 60 when absent'),
    values: z.array(z.string()).max(400).optional().describe('As in a zone file; texts without quotes'),
    instance: z
      .union([instance, z.array(instance).min(1)])
      .optional()
      .describe(
        'Instead of values: the private addresses of these instances, of type AAAA the first IPv6 address of each',
      ),
  })
}

interface Entry {
  readonly name: string
  readonly type?: (typeof dnsRecordTypes)[number] | undefined
  readonly values?: string[] | undefined
  readonly instance?: string | string[] | undefined
}

function checkRecord(
  zone: string,
  { name, type = 'A', values, instance }: Entry,
  seen: Set<string>,
): string | undefined {
  if ((values === undefined) === (instance === undefined)) return 'expected either values or an instance.'
  if (instance !== undefined && type !== 'A' && type !== 'AAAA') return 'a record of instances is of type A or AAAA.'
  try {
    const key = `${readRecordName(zone, name)} ${type}`
    if (seen.has(key)) return `${name} has a record of type ${type} already; give that one all values.`
    seen.add(key)
    if (values) readRecordValues(type, values)
    return undefined
  } catch (error) {
    if (error instanceof Ec2Error) return error.message
    throw error
  }
}
