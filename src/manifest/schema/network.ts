import { z } from 'zod'
import { normaliseCidr } from '../rule.ts'
import { suggest } from '../suggest.ts'
import { closed, fail, reference, wholeNumber } from './closed.ts'
import type { ManifestScope } from './scope.ts'

const block = z
  .string()
  .refine(
    (text) => normaliseCidr(text) !== undefined && !text.includes(':'),
    'expected an IPv4 block such as 10.0.0.0/16.',
  )

const destination = z
  .string()
  .refine((text) => normaliseCidr(text) !== undefined, 'expected a block such as 10.0.0.0/16 or ::/0.')

const peerPattern = /^(default|labs\.[a-z][a-z0-9-]{0,39}|vpc-[0-9a-f]{8,17})$/

/** The lab's own VPC. */
export function vpcSchema() {
  return closed({
    cidr: block.describe('Its IPv4 block, /16 to /28'),
    ipv6: z.boolean().optional().describe('It has a /56 of IPv6 addresses, too, which is drawn when it is made'),
  })
}

/** An entry of `subnets`, with a route table of its own. */
export function subnetSchema(scope: ManifestScope) {
  return closed({
    cidr: block.describe("A part of the VPC's block"),
    ipv6: z
      .union([z.boolean(), wholeNumber(0, 255)], 'expected true, or the number of a /64 of the VPC, 0 to 255.')
      .optional()
      .describe("It has a /64 of the VPC's IPv6 block: the lowest that is free, or that of a number"),
    assignIpv6: z.boolean().optional().describe('Instances get an IPv6 address'),
    mapPublicIpOnLaunch: z.boolean().optional().describe('Instances get a public address at each start'),
    routes: z
      .record(destination, target(scope), 'expected a map of blocks to targets.')
      .optional()
      .describe(
        'Besides the local ones: internet, egressOnly (for IPv6), natGateways.KEY, peerings.KEY or instances.KEY',
      ),
  })
}

/** An entry of `natGateways`; a public one has an elastic address of its own. */
export function natGatewaySchema(scope: ManifestScope) {
  return closed({
    subnet: reference('subnet', scope.subnets),
    connectivityType: z.enum(['public', 'private']).optional().describe('public when absent'),
  })
}

/** An entry of `peerings`: the lab's VPC and another one of the account in its region. */
export function peeringSchema() {
  return closed({
    peer: z
      .string()
      .regex(peerPattern, 'expected default, labs.NAME or the id of a VPC.')
      .describe("The other VPC: default, the one of another lab (labs.NAME), or a VPC's id"),
    routesBack: z
      .boolean()
      .optional()
      .describe("Whether the other VPC's route tables get a route to the lab's block; true when absent"),
  })
}

function target(scope: ManifestScope) {
  const known = [
    ...['internet', 'egressOnly'],
    ...scope.natGateways.map((key) => `natGateways.${key}`),
    ...scope.peerings.map((key) => `peerings.${key}`),
    ...scope.instances.map((key) => `instances.${key}`),
  ]
  return z.string().superRefine((text, context) => {
    if (!known.includes(text)) fail(context, `a route cannot lead to ${text}.${suggest(text, known)}`)
  })
}
