import { parseDocument } from 'yaml'
import { z } from 'zod'
import { cronExpressionError, isCronExpression } from '../../ec2/schedule/cron-expression.ts'
import { bridgeName } from '../../ec2/instance/bridge-tag.ts'
import { bridgedPortCount } from '../../ec2/ports/machine-spec.ts'
import { canonicalIpv6 } from '../../ec2/ipv6.ts'
import { isTimeZone } from '../../ec2/schedule/time-zone.ts'
import { goals } from '../lab.ts'
import { suggest } from '../suggest.ts'
import { closed, countPresent, fail, type Failing, reference, wholeNumber } from './closed.ts'
import type { ManifestScope } from './scope.ts'

const maximumUserDataBytes = 16_384
/** EC2's fifty, less the lab's own and Name. */
const maximumTags = 45

/** An entry of `instances`: one server, or `count` of a kind. */
export function instanceSchema(scope: ManifestScope) {
  return closed({
    image: reference('image', scope.images),
    type: z
      .string()
      .regex(/^[a-z0-9-]+\.[a-z0-9-]+$/, 'expected an instance type such as t3.micro.')
      .optional()
      .describe('Instance type; t3.micro when absent, t4g.micro for arm64'),
    count: wholeNumber(1, 100).optional().describe('How many; 1 when absent'),
    keyPair: reference('key pair', scope.keyPairs).optional(),
    securityGroups: z
      .array(reference('security group', scope.securityGroups))
      .min(1)
      .max(16)
      .optional()
      .describe("When absent, the VPC's default group: nothing comes in from outside"),
    userData: z.string().superRefine(checkUserData).optional().describe('Script or #cloud-config, at most 16 KB'),
    userDataFile: userDataFile(scope).optional().describe('The same from a file beside the manifest'),
    disk: wholeNumber(1, 16_384).optional().describe("Size of the root disk in GiB; the image's when absent"),
    tags: tags().optional(),
    subnet: reference('subnet', scope.subnets).optional().describe("Of the lab's VPC; a default one when absent"),
    elasticIp: z.boolean().optional().describe('A public address that stays, also when the instance is a new one'),
    sourceDestCheck: z.boolean().optional().describe('false: it may carry for others, as a router; true when absent'),
    privateIpAddress: z.ipv4('expected an IPv4 address.').optional().describe('Only for a count of 1'),
    bridges: z
      .array(z.string().regex(bridgeName, 'expected the name of a bridge of the host.'))
      .min(1)
      .max(bridgedPortCount)
      .refine((names) => new Set(names).size === names.length, 'an instance can be on a bridge once.')
      .optional()
      .describe('Bridges of the host that it is on too, which network.bridges allows'),
    fastLaunch: z
      .union([z.boolean(), z.literal('wait-for-cloud-init')], 'expected true, false or wait-for-cloud-init.')
      .optional()
      .describe('false: it boots, whatever warm templates there are; wait-for-cloud-init: SSH answers only then'),
    ipv6: ipv6().optional().describe("true, or a list of addresses or ends of them (::10), of the subnet's IPv6 block"),
    disableApiTermination: z.boolean().optional().describe('Refuse to terminate it'),
    disableApiStop: z.boolean().optional().describe('Refuse to stop it'),
    dependsOn: dependencies(scope)
      .optional()
      .describe('Instances that are launched before and have reached a goal: a list (running), or a goal for each'),
    schedule: schedule().optional(),
  })
    .refine((value) => countPresent(value, ['userData', 'userDataFile']) < 2, {
      error: 'userData and userDataFile exclude each other.',
      path: ['userDataFile'],
      when: () => true,
    })
    .refine((value) => !Array.isArray(value.ipv6) || (value.count ?? 1) === 1, {
      error: 'addresses cannot be given to several instances; say true, or leave count out.',
      path: ['ipv6'],
    })
    .refine((value) => !Array.isArray(value.ipv6) || value.subnet !== undefined, {
      error: 'a list of addresses is one of a subnet: name it by subnet.',
      path: ['ipv6'],
    })
    .refine((value) => value.privateIpAddress === undefined || (value.count ?? 1) === 1, {
      error: 'one address cannot be given to several instances; leave count out.',
      path: ['privateIpAddress'],
    })
}

function ipv6() {
  const address = z
    .string()
    .refine((text) => canonicalIpv6(text) !== undefined, 'expected an IPv6 address, or the end of one such as ::10.')
    .transform((text) => canonicalIpv6(text) ?? text)
  return z.union(
    [z.boolean(), z.array(address).min(1).max(50)],
    'expected true, false, or a list of IPv6 addresses such as ::10.',
  )
}

function userDataFile({ files }: ManifestScope) {
  return z
    .string()
    .min(1)
    .superRefine(async (path, context) => {
      const file = await files?.read(path)
      if (!file) return
      if ('problem' in file) return fail(context, file.problem)
      if (file.content.length > maximumUserDataBytes) {
        return fail(context, `user data may have ${maximumUserDataBytes} bytes; ${path} has ${file.content.length}.`)
      }
      checkCloudConfig(file.content.toString('utf8'), context)
    })
}

function checkUserData(text: string, context: Failing): void {
  const size = Buffer.byteLength(text)
  if (size > maximumUserDataBytes) fail(context, `user data may have ${maximumUserDataBytes} bytes; this has ${size}.`)
  checkCloudConfig(text, context)
}

/** cloud-init would tell of it in a log inside the guest only. */
function checkCloudConfig(text: string, context: Failing): void {
  if (!text.startsWith('#cloud-config')) return
  const [error] = parseDocument(text, { prettyErrors: true, logLevel: 'error' }).errors
  if (error) fail(context, `the #cloud-config is not YAML: ${(error.message.split('\n')[0] ?? '').replace(/:$/, '.')}`)
}

function tags() {
  const key = z
    .string()
    .min(1)
    .max(128)
    .refine((name) => !/^(aws|kiln):/i.test(name), 'keys that begin with aws: or kiln: are reserved.')
    .refine((name) => !/\p{Cc}/u.test(name), 'control characters are not allowed.')
  const value = z
    .string('expected a text; put numbers and the like in quotes.')
    .max(256)
    .refine((text) => !/\p{Cc}/u.test(text), 'control characters are not allowed.')
  return z
    .record(key, value, 'expected a map of tags.')
    .refine((all) => Object.keys(all).length <= maximumTags, `at most ${maximumTags} tags.`)
}

const dependenciesError = 'expected a list of instances, or a map of instances to running, ssh or cloud-init.'

function dependencies({ instances }: ManifestScope) {
  return z
    .union([z.array(z.string()), z.record(z.string(), z.enum(goals))], dependenciesError)
    .superRefine((value, context) => {
      const entries = Array.isArray(value)
        ? [...value.entries()]
        : Object.keys(value).map((name): [PropertyKey, string] => [name, name])
      for (const [path, name] of entries) {
        if (!instances.includes(name)) {
          fail(context, `the manifest has no instance ${name}.${suggest(name, instances)}`, [path])
        }
      }
    })
}

function schedule() {
  const expression = z.string().refine(isCronExpression, `${cronExpressionError}.`)
  return closed({
    start: expression.optional().describe('When to start, as in cron: 0 8 * * 1-5'),
    stop: expression.optional().describe('When to stop'),
    timeZone: z
      .string()
      .refine(isTimeZone, 'expected an IANA name such as Europe/Berlin.')
      .optional()
      .describe("The host's own when absent"),
  }).refine((value) => countPresent(value, ['start', 'stop']) > 0, {
    error: 'expected start, stop or both.',
    when: () => true,
  })
}
