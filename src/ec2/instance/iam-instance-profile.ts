import { createHash } from 'node:crypto'
import type { IamInstanceProfileSpecification } from '@aws-sdk/client-ec2'
import { type Ec2Error, invalidParameterCombination, invalidParameterValue } from '../errors.ts'
import type { Scope } from '../ports/store.ts'
import { partitionOf } from '../region/region.ts'
import type { InstanceProfile } from './instance.ts'

const namePattern = /^[\w+=,.@-]{1,128}$/
const arnPattern = /^arn:(aws[a-z-]*):iam::(\d{12}):instance-profile\/(?:[\x21-\x7e]*\/)?([\w+=,.@-]{1,128})$/
const idAlphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
const idLength = 17

/**
 * The instance profile that a request names by ARN or by name; undefined when it names none. Kiln has no list of profiles: any of the
 * caller's account is there. Throws InvalidParameterCombination for both, InvalidParameterValue for what cannot be one.
 */
export function readInstanceProfile(
  scope: Scope,
  { Arn: arn = '', Name: name = '' }: IamInstanceProfileSpecification = {},
): InstanceProfile | undefined {
  if (arn !== '' && name !== '') {
    throw invalidParameterCombination(
      "The parameter 'iamInstanceProfile.name' may not be used in combination with 'iamInstanceProfile.arn'",
    )
  }
  if (arn !== '') return profileOfArn(scope, arn)
  if (name === '') return undefined
  if (!namePattern.test(name)) throw invalidProfile('name', name)
  return describeProfile(`arn:${partitionOf(scope.region)}:iam::${scope.accountId}:instance-profile/${name}`, name)
}

function profileOfArn(scope: Scope, arn: string): InstanceProfile {
  const [, partition, accountId, name] = arnPattern.exec(arn) ?? []
  if (name === undefined || partition !== partitionOf(scope.region) || accountId !== scope.accountId) {
    throw invalidProfile('arn', arn)
  }
  return describeProfile(arn, name)
}

/** The id follows from the ARN, so that a profile has the same one at each launch. */
function describeProfile(arn: string, name: string): InstanceProfile {
  const digest = createHash('sha256').update(arn).digest().subarray(0, idLength)
  return { arn, name, id: `AIPA${Array.from(digest, (byte) => idAlphabet[byte % idAlphabet.length]).join('')}` }
}

function invalidProfile(parameter: 'arn' | 'name', value: string): Ec2Error {
  const kind = parameter === 'arn' ? 'ARN' : 'name'
  return invalidParameterValue(
    `iamInstanceProfile.${parameter}`,
    value.slice(0, 200),
    `Invalid IAM Instance Profile ${kind}`,
  )
}
