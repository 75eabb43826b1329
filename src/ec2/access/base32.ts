const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** So many letters and digits as IAM's ids have them, one a byte. */
export function base32Of(bytes: Buffer, length: number): string {
  return Array.from(bytes.subarray(0, length), (byte) => alphabet.charAt(byte % alphabet.length)).join('')
}
