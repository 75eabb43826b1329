import type { z } from 'zod'
import { Ec2Error } from '../ec2/errors.ts'
import type { CallContext, Mutation, MutationContext, Query } from '../ec2/operation.ts'
import { type KilnOutputs, kilnInputs } from './kiln-operations.ts'
import { hasForbiddenCharacter } from './scalar-rules.ts'

type Name = keyof typeof kilnInputs

/** The input of one of Kiln's own operations once its schema has passed it. */
export type KilnInput<N extends Name> = z.infer<(typeof kilnInputs)[N]>

/** A query of Kiln's own. */
export function query<N extends Name>(
  name: N,
  answer: (context: CallContext, input: KilnInput<N>) => KilnOutputs[N] | Promise<KilnOutputs[N]>,
): Query<Record<string, unknown>, KilnOutputs[N]> {
  return {
    kind: 'query',
    parameters: Object.keys(kilnInputs[name].shape),
    answer: (context, input) => answer(context, parseInput(name, input)),
  }
}

/** A mutation of Kiln's own. */
export function mutation<N extends Name>(
  name: N,
  apply: (context: MutationContext, input: KilnInput<N>) => KilnOutputs[N],
): Mutation<Record<string, unknown>, KilnOutputs[N]> {
  return {
    kind: 'mutation',
    parameters: Object.keys(kilnInputs[name].shape),
    apply: (context, input) => apply(context, parseInput(name, input)),
  }
}

/** A mutation of Kiln's own that must wait for something before: `prepare` may refuse, and changes nothing. */
export function preparedMutation<N extends Name, Prepared>(
  name: N,
  prepare: (context: CallContext, input: KilnInput<N>) => Promise<Prepared>,
  apply: (context: MutationContext, input: KilnInput<N>, prepared: Prepared) => KilnOutputs[N],
): Mutation<Record<string, unknown>, KilnOutputs[N], Prepared> {
  return {
    kind: 'mutation',
    parameters: Object.keys(kilnInputs[name].shape),
    prepare: (context, input) => prepare(context, parseInput(name, input)),
    apply: (context, input, prepared) => apply(context, parseInput(name, input), prepared),
  }
}

function parseInput<N extends Name>(name: N, input: unknown): KilnInput<N> {
  const result = kilnInputs[name].safeParse(input)
  if (result.success) {
    refuseControlCharacters(name, result.data)
    return result.data as KilnInput<N>
  }
  const [issue] = result.error.issues
  const member = issue?.path.join('.') || name
  throw new Ec2Error(
    'InvalidParameterValue',
    `The parameter ${member} of ${name} is invalid: ${issue?.message ?? 'unknown'}`,
  )
}

/** As with EC2's own parameters: nothing that XML could not carry. */
function refuseControlCharacters(name: Name, input: object): void {
  for (const [member, value] of Object.entries(input)) {
    const texts = [value].flat().filter((text): text is string => typeof text === 'string')
    if (!texts.some(hasForbiddenCharacter)) continue
    throw new Ec2Error(
      'InvalidParameterValue',
      `The value for parameter ${member} of ${name} contains characters that are not allowed in XML 1.0.`,
    )
  }
}
