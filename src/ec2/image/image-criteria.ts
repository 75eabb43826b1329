import type { ImageCriterionRequest } from '@aws-sdk/client-ec2'
import { invalidParameterCombination, invalidParameterValue } from '../errors.ts'
import { compileGlob, matchesGlob } from '../glob.ts'
import { refuseOtherMembers } from '../honoured.ts'
import { isAccountId } from '../sharing.ts'
import { deprecationTimeOf } from './image-deprecation.ts'
import type { ImageRecord } from './image.ts'

/** One criterion of Allowed AMIs: an image meets it when it meets each of its conditions. */
export interface ImageCriterion {
  readonly providers?: readonly string[]
  readonly productCodes?: readonly string[]
  readonly names?: readonly string[]
  readonly maximumDaysSinceDeprecated?: number
  readonly maximumDaysSinceCreated?: number
}

const operation = 'ReplaceImageCriteriaInAllowedImagesSettings'
/** Limits of the "Allowed AMIs configuration". */
const maximumCriteria = 10
const maximumProviders = 200
const maximumNames = 50
const maximumProductCodes = 50
const providerWords = ['amazon', 'aws-marketplace', 'aws-backup-vault', 'none']

const millisecondsPerDay = 24 * 60 * 60 * 1000

/** Checks criteria. Throws InvalidParameterValue, InvalidParameterCombination, and UnsupportedOperation for other conditions. */
export function readImageCriteria(given: readonly ImageCriterionRequest[] = []): ImageCriterion[] {
  requireAtMost('imageCriteria', given, maximumCriteria)
  return given.map(readCriterion)
}

function readCriterion(given: ImageCriterionRequest): ImageCriterion {
  refuseOtherMembers(operation, 'ImageCriterion', given, [
    'ImageProviders',
    'MarketplaceProductCodes',
    'ImageNames',
    'DeprecationTimeCondition',
    'CreationDateCondition',
  ])
  const { ImageProviders: providers, MarketplaceProductCodes: productCodes, ImageNames: names } = given
  requireAtMost('imageProviders', providers, maximumProviders)
  requireAtMost('marketplaceProductCodes', productCodes, maximumProductCodes)
  requireAtMost('imageNames', names, maximumNames)
  const wrong = providers?.find((provider) => !isAccountId(provider) && !providerWords.includes(provider))
  if (wrong !== undefined) {
    throw invalidParameterValue(
      'imageProviders',
      wrong.slice(0, 80),
      `Expected an account ID or one of ${providerWords.join(', ')}.`,
    )
  }
  if (providers?.includes('none') && providers.length > 1) {
    throw invalidParameterCombination('The image provider none cannot be used with other image providers')
  }
  const deprecated = given.DeprecationTimeCondition?.MaximumDaysSinceDeprecated
  const created = given.CreationDateCondition?.MaximumDaysSinceCreated
  return {
    ...(providers?.length ? { providers } : {}),
    ...(productCodes?.length ? { productCodes } : {}),
    ...(names?.length ? { names } : {}),
    ...(deprecated === undefined ? {} : { maximumDaysSinceDeprecated: deprecated }),
    ...(created === undefined ? {} : { maximumDaysSinceCreated: created }),
  }
}

function requireAtMost(parameter: string, given: readonly unknown[] | undefined, maximum: number): void {
  if (given === undefined || given.length <= maximum) return
  throw invalidParameterValue(parameter, given.length, `At most ${maximum} are allowed.`)
}

/** The criterion in EC2's shape. */
export function describeCriterion(criterion: ImageCriterion) {
  const { maximumDaysSinceDeprecated: deprecated, maximumDaysSinceCreated: created } = criterion
  return {
    ImageProviders: [...(criterion.providers ?? [])],
    MarketplaceProductCodes: [...(criterion.productCodes ?? [])],
    ImageNames: [...(criterion.names ?? [])],
    DeprecationTimeCondition: deprecated === undefined ? undefined : { MaximumDaysSinceDeprecated: deprecated },
    CreationDateCondition: created === undefined ? undefined : { MaximumDaysSinceCreated: created },
  }
}

/** Whether an image of another account, whose owner may have an alias, meets a criterion. */
export function meetsCriterion(
  image: ImageRecord,
  ownerAlias: string | undefined,
  criterion: ImageCriterion,
  now: Date,
): boolean {
  const { providers, productCodes, names } = criterion
  if (productCodes && !productCodes.some((code) => image.productCodes?.includes(code))) return false
  if (providers && !providers.some((provider) => provider === image.accountId || provider === ownerAlias)) return false
  if (names && !names.some((name) => matchesGlob(compileGlob(name), image.name))) return false
  const daysSince = (time: string) => (now.getTime() - Date.parse(time)) / millisecondsPerDay
  const { maximumDaysSinceCreated: created, maximumDaysSinceDeprecated: deprecated } = criterion
  if (created !== undefined && daysSince(image.creationDate) > created) return false
  const deprecation = deprecationTimeOf(image)
  return deprecated === undefined || deprecation === undefined || daysSince(deprecation) <= deprecated
}
