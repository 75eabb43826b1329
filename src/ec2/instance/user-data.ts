import { Ec2Error } from '../errors.ts'

/** EC2's limit, on the bytes before base64 ("Run commands when you launch an EC2 instance"). */
const maximumBytes = 16_384

/** Checks user data as clients send it, base64, and gives it back in canonical form. Empty counts as none. */
export function readUserData(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined
  const compact = text.replace(/\s+/g, '')
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(compact) || compact.length % 4 === 1) {
    throw new Ec2Error('InvalidUserData.Malformed', 'Invalid BASE64 encoding of user data.')
  }
  const bytes = Buffer.from(compact, 'base64')
  if (bytes.length > maximumBytes) {
    throw new Ec2Error('InvalidParameterValue', `User data is limited to ${maximumBytes} bytes`)
  }
  return bytes.toString('base64')
}
