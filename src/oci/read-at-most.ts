import { Ec2Error } from '../ec2/errors.ts'

/** The body of an answer. Rejects with RegistryContentInvalid when it is longer, without reading the rest. */
export async function readAtMost(response: Response, maximumBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  for await (const chunk of response.body ?? []) {
    sizeBytes += chunk.length
    if (sizeBytes > maximumBytes) {
      throw new Ec2Error(
        'RegistryContentInvalid',
        `${new URL(response.url).origin} answers with more than the ${maximumBytes} bytes that it may`,
      )
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
