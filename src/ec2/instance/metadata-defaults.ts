import type { InstanceMetadataOptionsRequest } from '@aws-sdk/client-ec2'
import { defineAccountSetting } from '../account-setting.ts'
import type { Domain } from '../domain.ts'
import { invalidParameterValue, unsupportedOperation } from '../errors.ts'
import type { ImageRecord } from '../image/image.ts'
import type { Ec2Mutation, Ec2Query } from '../operation.ts'
import type { Scope, Store } from '../ports/store.ts'
import type { InstanceMetadataOptions } from './instance.ts'
import { maximumHopLimit, readMetadataOptions } from './metadata-options.ts'

/** What an account prefers for its launches in a region; a member that it has no preference for is absent. */
interface MetadataDefaults {
  readonly httpTokens?: 'optional' | 'required' | undefined
  readonly httpPutResponseHopLimit?: number | undefined
  readonly httpEndpoint?: 'enabled' | 'disabled' | undefined
  readonly instanceMetadataTags?: 'enabled' | 'disabled' | undefined
  /** `enabled`: no instance may do without tokens. */
  readonly httpTokensEnforced?: 'enabled' | 'disabled' | undefined
}

const metadataDefaults = defineAccountSetting<MetadataDefaults>('instance-metadata-defaults', {})
const noPreference = 'no-preference'
const noPreferredHopLimit = -1

export function getInstanceMetadataDefaults({ store }: Domain): Ec2Query<'GetInstanceMetadataDefaults'> {
  return {
    kind: 'query',
    parameters: [],
    answer: (context) => {
      const defaults = metadataDefaults.get(store, context)
      return {
        AccountLevel: {
          HttpTokens: defaults.httpTokens,
          HttpPutResponseHopLimit: defaults.httpPutResponseHopLimit,
          HttpEndpoint: defaults.httpEndpoint,
          InstanceMetadataTags: defaults.instanceMetadataTags,
          HttpTokensEnforced: defaults.httpTokensEnforced,
          ManagedBy: 'account',
        },
      }
    },
  }
}

/** ModifyInstanceMetadataDefaults: for launches to come; what is not named stays. */
export function modifyInstanceMetadataDefaults({ store }: Domain): Ec2Mutation<'ModifyInstanceMetadataDefaults'> {
  return {
    kind: 'mutation',
    parameters: ['HttpTokens', 'HttpPutResponseHopLimit', 'HttpEndpoint', 'InstanceMetadataTags', 'HttpTokensEnforced'],
    apply: (context, input) => {
      const present = metadataDefaults.get(store, context)
      metadataDefaults.put(store, context, {
        httpTokens: prefer(present.httpTokens, input.HttpTokens),
        httpPutResponseHopLimit: preferHopLimit(present.httpPutResponseHopLimit, input.HttpPutResponseHopLimit),
        httpEndpoint: prefer(present.httpEndpoint, input.HttpEndpoint),
        instanceMetadataTags: prefer(present.instanceMetadataTags, input.InstanceMetadataTags),
        httpTokensEnforced: prefer(present.httpTokensEnforced, input.HttpTokensEnforced),
      })
      return { Return: true }
    },
  }
}

function prefer<T extends string>(present: T | undefined, given: T | typeof noPreference | undefined): T | undefined {
  if (given === undefined) return present
  return given === noPreference ? undefined : given
}

function preferHopLimit(present: number | undefined, given: number | undefined): number | undefined {
  if (given === undefined) return present
  if (given === noPreferredHopLimit) return undefined
  if (given >= 1 && given <= maximumHopLimit) return given
  throw invalidParameterValue(
    'HttpPutResponseHopLimit',
    given,
    `Expected 1 to ${maximumHopLimit}, or -1 for no preference.`,
  )
}

/**
 * The options of a launch by EC2's "Order of precedence for instance metadata options": what the launch says, what the account prefers,
 * what the AMI was registered with, EC2's defaults. Throws as readMetadataOptions, and UnsupportedOperation where tokens are enforced.
 */
export function chooseMetadataOptions(
  store: Store,
  scope: Scope,
  { imdsSupport }: ImageRecord,
  request: InstanceMetadataOptionsRequest | undefined,
): InstanceMetadataOptions {
  const preferred = metadataDefaults.get(store, scope)
  const options = readMetadataOptions(request, {
    httpEndpoint: preferred.httpEndpoint ?? 'enabled',
    httpTokens: preferred.httpTokens ?? (imdsSupport ? 'required' : 'optional'),
    httpPutResponseHopLimit: preferred.httpPutResponseHopLimit ?? (imdsSupport ? 2 : 1),
    instanceMetadataTags: preferred.instanceMetadataTags ?? 'disabled',
  })
  requireEnforcedTokens(store, scope, options, 'launch instances with IMDSv1')
  return options
}

/** Throws UnsupportedOperation for options without tokens where the account enforces them; `deed` is what cannot be done. */
export function requireEnforcedTokens(
  store: Store,
  scope: Scope,
  options: InstanceMetadataOptions,
  deed: string,
): void {
  if (options.httpTokens === 'required' || metadataDefaults.get(store, scope).httpTokensEnforced !== 'enabled') return
  throw unsupportedOperation(
    `You can't ${deed} because httpTokensEnforced is enabled for this account. Set httpTokens to required, or disable httpTokensEnforced by ModifyInstanceMetadataDefaults.`,
  )
}
