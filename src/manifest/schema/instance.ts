import cron from 'node-cron'
import { parseDocument } from 'yaml'
import { z } from 'zod'
import { isTimeZone } from '../../ec2/schedule/time-zone.ts'
import { goals } from '../lab.ts'
import { suggest } from '../suggest.ts'
import { closed, countPresent, fail, type Failing, reference } from './closed.ts'
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
    privateIpAddress: z.ipv4('expected an IPv4 address.').optional().describe('Only for a count of 1'),
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
    .refine((value) => value.privateIpAddress === undefined || (value.count ?? 1) === 1, {
      error: 'one address cannot be given to several instances; leave count out.',
      path: ['privateIpAddress'],
    })
}

function wholeNumber(minimum: number, maximum: number) {
  const error = `expected a whole number from ${minimum} to ${maximum}.`
  return z.int(error).min(minimum, error).max(maximum, error)
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
  const expression = z
    .string()
    .refine(
      (text) => text.trim().split(/\s+/).length === 5 && cron.validate(text),
      'expected five fields: minute hour day month weekday.',
    )
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
