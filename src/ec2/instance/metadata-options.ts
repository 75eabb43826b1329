import type { InstanceMetadataOptionsRequest, InstanceMetadataOptionsResponse } from '@aws-sdk/client-ec2'
import { invalidParameterValue } from '../errors.ts'
import type { InstanceMetadataOptions } from './instance.ts'
import type { InstanceRuntime } from './runtime.ts'

/** Hops that IP has room for. */
export const maximumHopLimit = 64

/** What the request says, over what is or would be. */
export function readMetadataOptions(
  request: InstanceMetadataOptionsRequest | undefined,
  present: InstanceMetadataOptions,
): InstanceMetadataOptions {
  const hopLimit = request?.HttpPutResponseHopLimit ?? present.httpPutResponseHopLimit
  if (!Number.isInteger(hopLimit) || hopLimit < 1 || hopLimit > maximumHopLimit) {
    throw invalidParameterValue('HttpPutResponseHopLimit', hopLimit, `Expected 1 to ${maximumHopLimit}.`)
  }
  return {
    httpEndpoint: request?.HttpEndpoint ?? present.httpEndpoint,
    httpTokens: request?.HttpTokens ?? present.httpTokens,
    httpPutResponseHopLimit: hopLimit,
    instanceMetadataTags: request?.InstanceMetadataTags ?? present.instanceMetadataTags,
    httpProtocolIpv6: request?.HttpProtocolIpv6 ?? ipv6ProtocolOf(present),
  }
}

/** Whether the service answers at its IPv6 address, as EC2 tells it. */
export function ipv6ProtocolOf({ httpProtocolIpv6 }: InstanceMetadataOptions): 'enabled' | 'disabled' {
  return httpProtocolIpv6 ?? 'disabled'
}

/** Whether all that was asked of the options is in force: the hop limit is kept by the firewall, which takes its time. */
export function metadataStateOf(runtime: InstanceRuntime | undefined): 'pending' | 'applied' {
  return runtime && runtime.pendingMetadataChanges > 0 ? 'pending' : 'applied'
}

/** The options in EC2's shape. */
export function describeMetadataOptions(
  options: InstanceMetadataOptions,
  state: 'pending' | 'applied',
): InstanceMetadataOptionsResponse {
  return {
    State: state,
    HttpTokens: options.httpTokens,
    HttpPutResponseHopLimit: options.httpPutResponseHopLimit,
    HttpEndpoint: options.httpEndpoint,
    HttpProtocolIpv6: ipv6ProtocolOf(options),
    InstanceMetadataTags: options.instanceMetadataTags,
  }
}
