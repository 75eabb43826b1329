import type { Domain } from '../domain.ts'
import { invalidParameterValue, missingParameter, Ec2Error } from '../errors.ts'
import type { Ec2Mutation } from '../operation.ts'
import type { ImageRecord } from './image.ts'
import { saveImage } from './save-image.ts'
import { findOwnImage } from './visible-image.ts'

const millisecondsPerMinute = 60_000
/** "Deprecate an AMI": at most ten years from now, and two from its creation for a public one. */
const maximumYears = 10
const maximumPublicYears = 2

/** When an image is or will be deprecated; EC2 deprecates public images two years after their creation. */
export function deprecationTimeOf(image: ImageRecord): string | undefined {
  if (!image.sharing?.isPublic) return image.deprecationTime
  const limit = addYears(new Date(image.creationDate), maximumPublicYears).toISOString()
  return image.deprecationTime !== undefined && image.deprecationTime < limit ? image.deprecationTime : limit
}

export function isDeprecated(image: ImageRecord, now: Date): boolean {
  const time = deprecationTimeOf(image)
  return time !== undefined && Date.parse(time) <= now.getTime()
}

/** EnableImageDeprecation: also changes the time; seconds are rounded to the nearest minute. */
export function enableImageDeprecation(domain: Domain): Ec2Mutation<'EnableImageDeprecation'> {
  return {
    kind: 'mutation',
    parameters: ['ImageId', 'DeprecateAt'],
    apply: (context, input) => {
      const image = findOwnImage(domain, context, input.ImageId)
      if (!input.DeprecateAt) throw missingParameter('DeprecateAt')
      const time = new Date(Math.round(input.DeprecateAt.getTime() / millisecondsPerMinute) * millisecondsPerMinute)
      if (input.DeprecateAt.getTime() < context.now.getTime()) throw wrongTime(input.DeprecateAt, 'It is in the past.')
      if (time > addYears(context.now, maximumYears)) {
        throw wrongTime(input.DeprecateAt, `It is more than ${maximumYears} years from now.`)
      }
      if (image.sharing?.isPublic && time > addYears(new Date(image.creationDate), maximumPublicYears)) {
        throw wrongTime(
          input.DeprecateAt,
          `It is more than ${maximumPublicYears} years after the creation of a public image.`,
        )
      }
      saveImage(domain, context, { ...image, deprecationTime: time.toISOString() })
      return { Return: true }
    },
  }
}

export function disableImageDeprecation(domain: Domain): Ec2Mutation<'DisableImageDeprecation'> {
  return {
    kind: 'mutation',
    parameters: ['ImageId'],
    apply: (context, input) => {
      const image = findOwnImage(domain, context, input.ImageId)
      if (image.sharing?.isPublic) {
        throw new Ec2Error(
          'OperationNotPermitted',
          `The deprecation of the public image ${image.id} cannot be cancelled: make it private first.`,
        )
      }
      const { deprecationTime: _deprecationTime, ...rest } = image
      saveImage(domain, context, rest)
      return { Return: true }
    },
  }
}

function addYears(time: Date, years: number): Date {
  const later = new Date(time)
  later.setUTCFullYear(later.getUTCFullYear() + years)
  return later
}

function wrongTime(given: Date, why: string): Error {
  return invalidParameterValue('deprecateAt', given.toISOString(), why)
}
