import * as sdk from '@aws-sdk/client-ec2'
import * as sts from '@aws-sdk/client-sts'
import type { ApiLab } from './api-lab.ts'
import type { SigningKey } from './raw-query.ts'

export const account = '123456789012'
export const otherAccount = '210987654321'

/** Credentials as the SDK wants them. */
export interface Credentials extends SigningKey {
  readonly sessionToken?: string
}

/** An access key, of the first account unless told otherwise. */
export async function makeKey(
  { lab }: ApiLab,
  input: { AccountId?: string; IsReadOnly?: boolean } = {},
): Promise<SigningKey> {
  const { AccessKey: made } = await lab.call('KilnCreateAccessKey', input)
  return { accessKeyId: made.AccessKeyId, secretAccessKey: made.SecretAccessKey }
}

export const ec2As = ({ endpointUrl }: ApiLab, credentials: Credentials) =>
  new sdk.EC2Client({ region: 'us-east-1', endpoint: endpointUrl, credentials, maxAttempts: 1 })
export const stsAs = ({ endpointUrl }: ApiLab, credentials: Credentials) =>
  new sts.STSClient({ region: 'us-east-1', endpoint: endpointUrl, credentials, maxAttempts: 1 })

/** Those that STS has given. */
export function credentialsOf({ Credentials: given }: { Credentials?: sts.Credentials | undefined }): Credentials {
  const {
    AccessKeyId: accessKeyId = '',
    SecretAccessKey: secretAccessKey = '',
    SessionToken: sessionToken = '',
  } = given ?? {}
  return { accessKeyId, secretAccessKey, sessionToken }
}

/** The error's code; undefined when there was none. */
export async function codeOf(call: Promise<unknown>): Promise<string | undefined> {
  try {
    await call
    return undefined
  } catch (error) {
    return error instanceof Error ? error.name : String(error)
  }
}
