import { z } from 'zod'
import { isPrefixListId, normaliseCidr, protocols, readPorts } from '../rule.ts'
import { suggest } from '../suggest.ts'
import { closed, fail, type Failing } from './closed.ts'
import type { ManifestScope } from './scope.ts'

const portsError = 'expected a port, a range such as 8000-8010, or a list of them.'
const peerError = 'expected a CIDR block, the name of a security group, the id of a prefix list, or a list of them.'

/** An entry of `securityGroups`. Groups may name each other, in circles too, as on EC2. */
export function securityGroupSchema(scope: ManifestScope) {
  const peer = peerSchema(scope)
  const ingress = closed({ ...ruleShape, from: peer }).superRefine(checkPorts)
  const egress = closed({ ...ruleShape, to: peer }).superRefine(checkPorts)
  return closed({
    ingress: z.array(ingress).max(60).optional().describe('What may come in; nothing when absent'),
    egress: z.array(egress).max(60).optional().describe('What may go out; everything when absent'),
  })
}

const ports = z
  .union([z.number(), z.string(), z.array(z.union([z.number(), z.string()]))], portsError)
  .superRefine((value, context) => {
    for (const [index, item] of [value].flat().entries()) {
      if (!readPorts(item)) fail(context, portsError, Array.isArray(value) ? [index] : [])
    }
  })

const ruleShape = {
  protocol: z
    .enum(Object.keys(protocols) as (keyof typeof protocols)[])
    .optional()
    .describe('tcp when absent'),
  ports: ports.optional().describe('Of tcp and udp: 80, 8000-8010, or a list'),
  description: z
    .string()
    .regex(
      /^[A-Za-z0-9 ._\-:/()#,@[\]+=&;{}!$*]{1,255}$/,
      'expected at most 255 letters, digits and ._-:/()#,@[]+=&;{}!$*',
    )
    .optional(),
}

function checkPorts(value: { protocol?: string | undefined; ports?: unknown }, context: Failing): void {
  const hasPorts = ['tcp', 'udp'].includes(value.protocol ?? 'tcp')
  if (hasPorts && value.ports === undefined) fail(context, 'tcp and udp need ports; 0-65535 are all.')
  if (!hasPorts && value.ports !== undefined) fail(context, `${value.protocol} has no ports.`, ['ports'])
}

function peerSchema(scope: ManifestScope) {
  return z
    .union([z.string(), z.array(z.string()).min(1)], peerError)
    .superRefine((value, context) => {
      for (const [index, item] of [value].flat().entries()) {
        const problem = checkPeer(item, scope.securityGroups)
        if (problem) fail(context, problem, Array.isArray(value) ? [index] : [])
      }
    })
    .describe('CIDR block, name of a security group, id of a prefix list, or a list of them')
}

function checkPeer(text: string, groups: readonly string[]): string | undefined {
  if (groups.includes(text) || normaliseCidr(text) || isPrefixListId(text)) return undefined
  if (/^\d+(\.\d+){3}$/.test(text)) return `an address needs its length: ${text}/32.`
  if (/[/:.]/.test(text)) return `${text} is no CIDR block such as 10.0.0.0/8.`
  return `the manifest has no security group ${text}.${suggest(text, groups)}`
}
