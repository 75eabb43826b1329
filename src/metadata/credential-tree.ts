import type { GuestCredentials, InstanceIdentity, InstanceRole } from '../ec2/ports/metadata.ts'
import { type MetadataDirectory, timeOf } from './node.ts'

/** `iam`: the documents that SDKs read. */
export function roleTree({ name, profileArn, profileId, updatedAt, credentials }: InstanceRole): MetadataDirectory {
  const info = { ...headingOf(updatedAt), InstanceProfileArn: profileArn, InstanceProfileId: profileId }
  return {
    info: writeDocument(info),
    'security-credentials': { [name]: () => writeCredentials(updatedAt, credentials()) },
  }
}

/** `identity-credentials`: who the instance is to EC2 itself ("Instance identity roles"). */
export function identityTree(accountId: string, { updatedAt, credentials }: InstanceIdentity): MetadataDirectory {
  return {
    ec2: {
      info: writeDocument({ ...headingOf(updatedAt), AccountId: accountId }),
      'security-credentials': { 'ec2-instance': () => writeCredentials(updatedAt, credentials()) },
    },
  }
}

function writeCredentials(updatedAt: Date, credentials: GuestCredentials): string {
  return writeDocument({
    ...headingOf(updatedAt),
    Type: 'AWS-HMAC',
    AccessKeyId: credentials.accessKeyId,
    SecretAccessKey: credentials.secretAccessKey,
    Token: credentials.sessionToken,
    Expiration: timeOf(credentials.expiresAt),
  })
}

function headingOf(updatedAt: Date): object {
  return { Code: 'Success', LastUpdated: timeOf(updatedAt) }
}

function writeDocument(document: object): string {
  return JSON.stringify(document, undefined, 2)
}
