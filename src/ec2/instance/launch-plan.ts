import type { RunInstancesRequest } from '@aws-sdk/client-ec2'
import type { Domain } from '../domain.ts'
import {
  Ec2Error,
  invalidParameterCombination,
  invalidParameterValue,
  missingParameter,
  unsupportedOperation,
} from '../errors.ts'
import { readFastLaunchTag } from '../fast-launch/fast-launch-tag.ts'
import { requireAllowedImage } from '../image/allowed-images.ts'
import type { ImageRecord } from '../image/image.ts'
import { findVisibleImage, requireAvailableImage } from '../image/visible-image.ts'
import type { InstanceType } from '../instance-type/instance-type.ts'
import { unknownInstanceType } from '../instance-type/instance-type.ts'
import { chooseBootMode, type CurrentBootMode } from './boot-mode.ts'
import { requireKeyPair } from '../key-pair/find-key-pair.ts'
import type { KeyPairRecord } from '../key-pair/key-pair.ts'
import { requireSuitable } from '../placement-group/choose-placement-group.ts'
import { withProductCodes } from '../marketplace/product-code.ts'
import { requireSubscription } from '../marketplace/require-subscription.ts'
import type { CallContext } from '../operation.ts'
import type { Tag } from '../ports/store.ts'
import type { SpotTerms } from '../spot/spot-request.ts'
import { readMarketOptions } from '../spot/spot-terms.ts'
import { readTagSpecifications } from '../tag/tag.ts'
import { type PlannedVolume, planVolumes } from './block-devices.ts'
import { readBridges } from './bridged-device.ts'
import { readInstanceProfile } from './iam-instance-profile.ts'
import type { InstanceMetadataOptions, InstanceProfile } from './instance.ts'
import { type LaunchOptions, readLaunchOptions } from './launch-options.ts'
import type { PrivateDnsOptions } from '../network-interface/dns-name.ts'
import { choosePrivateDns } from './private-dns.ts'
import { choosePlace, type LaunchPlace } from './launch-place.ts'
import { chooseMetadataOptions } from './metadata-defaults.ts'
import { requirePlannable } from './planned-interface.ts'
import { readUserData } from './user-data.ts'

/** A launch with every question answered: what is left is to write it down. */
export interface LaunchPlan extends LaunchPlace, LaunchOptions {
  readonly privateDns: PrivateDnsOptions
  readonly image: ImageRecord
  readonly type: InstanceType
  readonly minimumCount: number
  readonly maximumCount: number
  readonly keyPair?: KeyPairRecord
  readonly userData?: string
  readonly instanceProfile?: InstanceProfile
  readonly spot?: SpotTerms
  readonly volumes: readonly PlannedVolume[]
  readonly productCodes?: readonly string[]
  readonly currentBootMode: CurrentBootMode
  readonly shutdownBehavior: 'stop' | 'terminate'
  readonly hasTerminationProtection: boolean
  readonly hasStopProtection: boolean
  readonly isEbsOptimized: boolean
  readonly metadataOptions: InstanceMetadataOptions
  readonly tags: ReadonlyMap<string, Tag[]>
  readonly bridges: readonly string[]
  readonly clientToken?: string
}

/** EC2's default when none is named. */
const defaultInstanceType = 'm1.small'
const maximumLaunchCount = 1000

/** Checks a RunInstances request, whose spot terms may stand elsewhere, against what there is. Throws EC2's errors; changes nothing. */
export function planLaunch(
  domain: Domain,
  scope: CallContext,
  input: RunInstancesRequest,
  spotTerms?: SpotTerms,
): LaunchPlan {
  const { store } = domain
  const { MinCount: minimumCount = 0, MaxCount: maximumCount = 0 } = input
  if (minimumCount < 1) throw invalidParameterValue('minCount', minimumCount, 'Expected a positive number.')
  if (maximumCount < minimumCount) {
    throw invalidParameterValue('maxCount', maximumCount, `It must be at least minCount, ${minimumCount}.`)
  }
  if (maximumCount > maximumLaunchCount) {
    throw new Ec2Error(
      'InstanceLimitExceeded',
      `At most ${maximumLaunchCount} instances can be launched by one request`,
    )
  }
  if (!input.ImageId) throw missingParameter('ImageId')
  const image = findVisibleImage(store, scope, input.ImageId)
  requireAvailableImage(image)
  requireAllowedImage(domain, scope, image)
  const type = chooseType(domain, image, input.InstanceType)
  const place = choosePlace(domain, scope, input)
  if (place.placementGroup) {
    const { availabilityZone } = place.subnet
    requireSuitable(domain, place.placementGroup.group, { instanceType: type.name, availabilityZone })
  }
  requirePlannable(type, place.interfaces, maximumCount)
  const keyPair = input.KeyName === undefined ? undefined : requireKeyPair(store, scope, input.KeyName)
  const spot = spotTerms ?? readMarketOptions('RunInstances', input.InstanceMarketOptions)
  if (spot && input.HibernationOptions?.Configured) {
    throw unsupportedOperation(
      'Spot Instances cannot be hibernated in Kiln: they are terminated when they are interrupted.',
    )
  }
  const userData = readUserData(input.UserData)
  const instanceProfile = readInstanceProfile(scope, input.IamInstanceProfile)
  const volumes = planVolumes(domain, scope, image, input.BlockDeviceMappings ?? [])
  const codes = withProductCodes(image.productCodes, ...volumes.map(({ productCodes }) => productCodes))
  requireSubscription(domain, scope, codes.productCodes)
  const tags = readTagSpecifications(input.TagSpecifications, launchTagTypes(spot))
  const instanceTags = tags.get('instance') ?? []
  // The driver goes by it; what it could not read is refused here.
  readFastLaunchTag(instanceTags)
  return {
    ...place,
    ...readLaunchOptions(store, scope, type, input),
    privateDns: choosePrivateDns(place.subnet, input.PrivateDnsNameOptions),
    image,
    type,
    currentBootMode: chooseBootMode(image, type),
    minimumCount,
    maximumCount,
    ...(keyPair ? { keyPair } : {}),
    ...(userData === undefined ? {} : { userData }),
    ...(instanceProfile ? { instanceProfile } : {}),
    volumes,
    ...codes,
    ...(spot ? { spot } : {}),
    shutdownBehavior: chooseShutdownBehavior(input.InstanceInitiatedShutdownBehavior, spot),
    hasTerminationProtection: input.DisableApiTermination ?? false,
    hasStopProtection: input.DisableApiStop ?? false,
    isEbsOptimized: chooseEbsOptimized(type, input.EbsOptimized),
    metadataOptions: chooseMetadataOptions(store, scope, image, input.MetadataOptions),
    tags,
    bridges: readBridges(domain.networks, instanceTags),
    ...(input.ClientToken ? { clientToken: input.ClientToken } : {}),
  }
}

/** A one-time Spot Instance cannot be stopped: it ends with its guest. */
function chooseShutdownBehavior(
  behavior: RunInstancesRequest['InstanceInitiatedShutdownBehavior'],
  spot: SpotTerms | undefined,
): 'stop' | 'terminate' {
  if (!spot) return behavior ?? 'stop'
  if (behavior !== 'stop') return 'terminate'
  throw invalidParameterCombination(
    'A one-time Spot Instance cannot be stopped: InstanceInitiatedShutdownBehavior must be terminate.',
  )
}

/** Kinds of resources that a launch makes. */
function launchTagTypes(spot: SpotTerms | undefined): string[] {
  return ['instance', 'volume', 'network-interface', ...(spot ? ['spot-instances-request'] : [])]
}

function chooseEbsOptimized(type: InstanceType, isWanted: boolean | undefined): boolean {
  if (isWanted && type.ebsOptimizedSupport === 'unsupported') {
    throw new Ec2Error(
      'InvalidParameterCombination',
      `EBS-optimized instances are not supported for the instance type ${type.name}: leave EbsOptimized out.`,
    )
  }
  return isWanted ?? false
}

/** The type of that name, which runs the image. Throws EC2's errors. */
export function chooseType(domain: Domain, image: ImageRecord, name: string = defaultInstanceType): InstanceType {
  const type = domain.instanceTypes.find(name)
  if (!type) throw unknownInstanceType(name)
  if (!type.architectures.includes(image.architecture)) {
    throw new Ec2Error(
      'Unsupported',
      `The architecture '${type.architectures.join(',')}' of the specified instance type does not match the architecture '${image.architecture}' of the specified AMI. Specify an instance type and an AMI that have matching architectures, and try again. You can use 'describe-instance-types' or 'describe-images' to discover the architecture of the instance type or AMI.`,
    )
  }
  return type
}
