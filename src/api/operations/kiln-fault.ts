import type { Domain } from '../../ec2/domain.ts'
import { invalidParameterCombination, missingParameter } from '../../ec2/errors.ts'
import { clearFaults, injectFault, requirePossible } from '../../ec2/fault/change-faults.ts'
import { defaultFaultSeconds, type FaultEffect, type FaultRecord, isInEffect } from '../../ec2/fault/fault.ts'
import type { AnyOperation } from '../dispatch.ts'
import type { FaultDescription } from '../kiln/fault.ts'
import { type KilnInput, mutation, preparedMutation, query } from '../kiln-operation.ts'

/** Faults that somebody wants to see. */
export function kilnFaultOperations(domain: Domain): Record<string, AnyOperation> {
  return {
    KilnInjectFault: preparedMutation(
      'KilnInjectFault',
      async (_context, { Kind: kind }) => await requirePossible(domain, kind),
      (context, input) => ({
        Fault: describeFault(
          injectFault(domain, context, {
            effect: readEffect(input),
            targets: input.Targets ?? [],
            durationSeconds: input.DurationSeconds ?? defaultFaultSeconds,
            ...(input.Name === undefined ? {} : { name: input.Name }),
          }),
        ),
      }),
    ),
    KilnDescribeFaults: query('KilnDescribeFaults', (context) => ({
      Faults: domain.store.faults
        .list(context)
        .filter((fault) => isInEffect(fault, context.now))
        .map(describeFault),
    })),
    KilnClearFaults: mutation('KilnClearFaults', (context, { FaultIds: ids }) => {
      clearFaults(domain, context, ids)
      return {}
    }),
  }
}

type Input = KilnInput<'KilnInjectFault'>
type Member = keyof Input

/** What each kind takes besides what all do. */
const membersOf = {
  delay: ['DelayMs', 'JitterMs'],
  loss: ['LossPercent'],
  rate: ['RateKbitPerSecond'],
  partition: ['Against'],
  dns: ['Mode'],
  metadata: ['Mode'],
  api: ['RequestsPerSecond'],
} as const satisfies Record<Input['Kind'], readonly Member[]>

function readEffect(input: Input): FaultEffect {
  refuseForeignMembers(input)
  switch (input.Kind) {
    case 'delay': {
      const jitter = input.JitterMs === undefined ? {} : { jitterMs: input.JitterMs }
      return { kind: 'delay', delayMs: required(input, 'DelayMs'), ...jitter }
    }
    case 'loss':
      return { kind: 'loss', percent: required(input, 'LossPercent') }
    case 'rate':
      return { kind: 'rate', kbitPerSecond: required(input, 'RateKbitPerSecond') }
    case 'partition':
      return { kind: 'partition', against: required(input, 'Against') }
    case 'dns':
      if (input.Mode === 'error') throw invalidParameterCombination('The Mode of dns is timeout or refused.')
      return { kind: 'dns', mode: input.Mode ?? 'timeout' }
    case 'metadata':
      if (input.Mode === 'refused') throw invalidParameterCombination('The Mode of metadata is timeout or error.')
      return { kind: 'metadata', mode: input.Mode ?? 'timeout' }
    case 'api':
      return { kind: 'api', requestsPerSecond: required(input, 'RequestsPerSecond') }
  }
}

function required<Key extends Member>(input: Input, member: Key): NonNullable<Input[Key]> {
  const value = input[member]
  if (value === undefined || value === null) throw missingParameter(member)
  return value
}

function refuseForeignMembers(input: Input): void {
  const own: readonly string[] = membersOf[input.Kind]
  const foreign = Object.values(membersOf)
    .flat()
    .find((member) => input[member] !== undefined && !own.includes(member))
  if (foreign !== undefined) {
    throw invalidParameterCombination(`${foreign} is not for faults of the kind ${input.Kind}.`)
  }
}

function describeFault({ id, name, effect, targets, startedAt, endsAt }: FaultRecord): FaultDescription {
  return {
    FaultId: id,
    ...(name === undefined ? {} : { Name: name }),
    Kind: effect.kind,
    Targets: [...targets],
    ...describeEffect(effect),
    StartedAt: startedAt,
    EndsAt: endsAt,
  }
}

function describeEffect(effect: FaultEffect): Partial<FaultDescription> {
  switch (effect.kind) {
    case 'delay':
      return { DelayMs: effect.delayMs, ...(effect.jitterMs === undefined ? {} : { JitterMs: effect.jitterMs }) }
    case 'loss':
      return { LossPercent: effect.percent }
    case 'rate':
      return { RateKbitPerSecond: effect.kbitPerSecond }
    case 'partition':
      return { Against: [...effect.against] }
    case 'dns':
    case 'metadata':
      return { Mode: effect.mode }
    case 'api':
      return { RequestsPerSecond: effect.requestsPerSecond }
  }
}
