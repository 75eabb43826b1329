import { z } from 'zod'
import { parseDuration } from '../../host/duration.ts'
import { suggest } from '../suggest.ts'
import { closed, fail, wholeNumber } from './closed.ts'
import type { ManifestScope } from './scope.ts'

const durationError = 'expected a time such as 30s, 10m or 2h, a day at most.'

/** An entry of `faults`: something that goes wrong on purpose, for a while. */
export function faultSchema(scope: ManifestScope) {
  const common = { on: targets(scope).describe('Instances and security groups'), for: duration().optional() }
  return z.discriminatedUnion(
    'kind',
    [
      closed({
        kind: z.literal('delay'),
        ...common,
        ms: wholeNumber(1, 60_000).describe('How late what comes to them is, in milliseconds'),
        jitter: wholeNumber(1, 60_000).optional().describe('How far that varies to either side, in milliseconds'),
      }),
      closed({ kind: z.literal('loss'), ...common, percent: number(0.01, 100).describe('Packets lost of a hundred') }),
      closed({ kind: z.literal('rate'), ...common, kbit: wholeNumber(8, 100_000_000).describe('Kilobits a second') }),
      closed({ kind: z.literal('partition'), ...common, from: targets(scope).describe('The other side') }),
      closed({ kind: z.literal('dns'), ...common, mode: z.enum(['timeout', 'refused']).optional() }),
      closed({ kind: z.literal('metadata'), ...common, mode: z.enum(['timeout', 'error']).optional() }),
      closed({
        kind: z.literal('api'),
        for: common.for,
        perSecond: number(0, 10_000).describe('Calls of the EC2 API that may be made; 0 refuses all'),
      }),
    ],
    { error: 'expected kind: delay, loss, rate, partition, dns, metadata or api.' },
  )
}

function targets({ instances, securityGroups }: ManifestScope) {
  const known = [...instances, ...securityGroups]
  return z
    .array(
      z.string().superRefine((name, context) => {
        if (known.includes(name)) return
        fail(context, `the manifest has no instance and no security group ${name}.${suggest(name, known)}`)
      }),
      'expected a list of instances and security groups.',
    )
    .min(1, 'expected at least one.')
    .max(50)
}

function duration() {
  return z
    .string(durationError)
    .refine((text) => {
      const seconds = parseDuration(text)
      return seconds !== undefined && seconds >= 1 && seconds <= 86_400
    }, durationError)
    .describe('How long it lasts; 10m when absent')
}

function number(minimum: number, maximum: number) {
  const error = `expected a number from ${minimum} to ${maximum}.`
  return z.number(error).min(minimum, error).max(maximum, error)
}
