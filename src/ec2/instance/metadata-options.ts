import type { InstanceMetadataOptionsRequest } from '@aws-sdk/client-ec2'
import { invalidParameterValue, unsupportedOperation } from '../errors.ts'
import type { InstanceMetadataOptions } from './instance.ts'

/** EC2's defaults for an AMI without `ImdsSupport`, over them what the request says. */
export function readMetadataOptions(
  request: InstanceMetadataOptionsRequest | undefined,
  present: InstanceMetadataOptions = {
    httpEndpoint: 'enabled',
    httpTokens: 'optional',
    httpPutResponseHopLimit: 1,
    instanceMetadataTags: 'disabled',
  },
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
