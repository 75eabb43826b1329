import type { InstanceMetadataOptionsRequest } from '@aws-sdk/client-ec2'
import { invalidParameterValue, unsupportedOperation } from '../errors.ts'
import type { ImageRecord } from '../image/image.ts'
import type { InstanceMetadataOptions } from './instance.ts'

/** EC2's defaults ("Order of precedence for instance metadata options"): an AMI registered with `ImdsSupport` v2.0 asks for tokens. */
export function defaultMetadataOptions({ imdsSupport }: ImageRecord): InstanceMetadataOptions {
  return {
    httpEndpoint: 'enabled',
    httpTokens: imdsSupport ? 'required' : 'optional',
    httpPutResponseHopLimit: imdsSupport ? 2 : 1,
    instanceMetadataTags: 'disabled',
  }
}

/** What the request says, over what is or would be. */
export function readMetadataOptions(
  request: InstanceMetadataOptionsRequest | undefined,
  present: InstanceMetadataOptions,
): InstanceMetadataOptions {
  const hopLimit = request?.HttpPutResponseHopLimit ?? present.httpPutResponseHopLimit
  if (!Number.isInteger(hopLimit) || hopLimit < 1 || hopLimit > 64) {
    throw invalidParameterValue('HttpPutResponseHopLimit', hopLimit, 'Expected 1 to 64.')
  }
  if (request?.HttpProtocolIpv6 === 'enabled') {
    throw unsupportedOperation('The IPv6 endpoint of the metadata service is not supported by Kiln yet.')
  }
  return {
    httpEndpoint: request?.HttpEndpoint ?? present.httpEndpoint,
    httpTokens: request?.HttpTokens ?? present.httpTokens,
    httpPutResponseHopLimit: hopLimit,
    instanceMetadataTags: request?.InstanceMetadataTags ?? present.instanceMetadataTags,
  }
}
