import type { InstanceMarketOptionsRequest } from '@aws-sdk/client-ec2'
import { Ec2Error, invalidParameterCombination, missingParameter, unsupportedOperation } from '../errors.ts'
import { refuseOtherMembers, requireOneOf } from '../honoured.ts'
import type { SpotTerms } from './spot-request.ts'

/** EC2's example of the precision of prices: `0.096000`. */
const pricePattern = /^\d{1,9}(\.\d{1,9})?$/

/** Whether a launch goes to the spot market, and by which terms; undefined for on-demand. */
export function readMarketOptions(
  operation: string,
  options: InstanceMarketOptionsRequest | undefined,
): SpotTerms | undefined {
  if (!options) return undefined
  if (options.MarketType === undefined) throw missingParameter('InstanceMarketOptions.MarketType')
  requireOneOf(operation, 'InstanceMarketOptions.MarketType', options.MarketType, ['spot'])
  const path = 'InstanceMarketOptions.SpotOptions'
  const spot = options.SpotOptions
  refuseOtherMembers(operation, path, spot, [
    'MaxPrice',
    'SpotInstanceType',
    'InstanceInterruptionBehavior',
    'ValidUntil',
  ])
  if (spot?.ValidUntil !== undefined) {
    throw invalidParameterCombination('ValidUntil is for persistent Spot Instance requests only')
  }
  requireOneTime(spot?.SpotInstanceType, spot?.InstanceInterruptionBehavior)
  return readMaximumPrice(spot?.MaxPrice)
}

/** One-time requests end with their instance; those that launch again are not offered. */
export function requireOneTime(type: string | undefined, behavior: string | undefined): void {
  if (type === 'persistent') {
    throw unsupportedOperation('Persistent Spot Instance requests are not supported by Kiln yet: use one-time.')
  }
  if (behavior !== undefined && behavior !== 'terminate') {
    throw invalidParameterCombination(
      `The interruption behavior ${behavior.slice(0, 80)} is for persistent Spot Instance requests only: use terminate.`,
    )
  }
}

/** Throws InvalidParameterValue for what is no price. */
export function readMaximumPrice(price: string | undefined): Pick<SpotTerms, 'maximumPrice'> {
  if (price === undefined) return {}
  if (!pricePattern.test(price) || Number(price) === 0) {
    throw new Ec2Error(
      'InvalidParameterValue',
      `Invalid value '${price.slice(0, 80)}' for a price: it must be positive.`,
    )
  }
  return { maximumPrice: price }
}
