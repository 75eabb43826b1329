import { z } from 'zod'
import { pipelineSchema } from '../../ec2/pipeline/schema/pipeline-schema.ts'
import { checkTemplate } from '../output.ts'
import { closed, fail, section } from './closed.ts'
import { dnsZonesSchema } from './dns-zone.ts'
import { faultSchema } from './fault.ts'
import { imageSchema } from './image.ts'
import { instanceSchema } from './instance.ts'
import { keyPairSchema } from './key-pair.ts'
import { natGatewaySchema, peeringSchema, subnetSchema, vpcSchema } from './network.ts'
import type { ManifestScope } from './scope.ts'
import { securityGroupSchema } from './security-group.ts'

/**
 * The schema of a manifest whose parts know each other's names, so that one pass finds every mistake. Refinements hang on single
 * values wherever possible: zod looks at those even when their neighbours are wrong.
 */
export function manifestSchema(scope: ManifestScope) {
  return closed({
    name: z
      .string()
      .regex(/^[a-z][a-z0-9-]{0,39}$/, 'expected a lower-case letter, then at most 39 of a-z, 0-9 and -.')
      .refine((name) => !/^sg($|-)/.test(name), 'names of security groups may not begin with sg-; choose another name.')
      .describe('Name of the lab; begins the names of what it makes'),
    region: z
      .string()
      .regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'expected a region such as us-east-1.')
      .optional()
      .describe('Where everything is made; AWS_REGION when absent'),
    pipelines: pipelines().optional().describe('How images are built, tested and distributed'),
    images: section(imageSchema(scope)).optional().describe('Disk images that instances boot from'),
    keyPairs: section(keyPairSchema(scope)).optional().describe('Keys that instances let in'),
    securityGroups: section(securityGroupSchema(scope)).optional().describe('Firewalls of instances'),
    vpc: vpcSchema().optional().describe("A VPC of the lab's own; the default one when absent"),
    subnets: section(subnetSchema(scope)).optional().describe("Parts of the lab's VPC, each with its routes"),
    natGateways: section(natGatewaySchema(scope)).optional().describe('Ways out for subnets without public addresses'),
    peerings: section(peeringSchema()).optional().describe("Connections of the lab's VPC with others"),
    instances: section(instanceSchema(scope)).optional().describe('Servers'),
    dnsZones: dnsZonesSchema(scope).optional().describe('Private zones: names that only the lab knows'),
    faults: section(faultSchema(scope)).optional().describe('What goes wrong on purpose, for a while'),
    outputs: section(template(scope)).optional().describe('Told at the end: ${instances.web[0].publicIpAddress}'),
  })
}

/** As files of images/pipelines; their names begin with that of the lab. */
function pipelines() {
  return z.record(
    z.string().regex(/^[a-z][a-z0-9-]{0,22}$/, 'expected a lower-case letter, then at most 22 of a-z, 0-9 and -.'),
    pipelineSchema,
    'expected a map of names.',
  )
}

/** A manifest as it is written. */
export type Manifest = z.infer<ReturnType<typeof manifestSchema>>

function template(scope: ManifestScope) {
  return z.string().superRefine((text, context) => {
    for (const problem of checkTemplate(text, scope, (name) => scope.countOf(name))) fail(context, problem)
  })
}
