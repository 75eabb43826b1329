/**
 * What a signature is wrapped in for `openssl smime`: the SignedData of PKCS #7 (RFC 2315) with its content and one signer, who has signed
 * the content itself with RSA and SHA-256. The signer's certificate is not in it, as on EC2: whoever verifies has it.
 */
export interface SignedContent {
  readonly content: Buffer
  readonly signature: Buffer
  /** DER. */
  readonly certificate: Buffer
}

const tag = { integer: 0x02, octetString: 0x04, oid: 0x06, sequence: 0x30, set: 0x31, explicit0: 0xa0 }

/** Object identifiers, the bytes of their content. */
const oid = {
  signedData: '2a864886f70d010702',
  data: '2a864886f70d010701',
  sha256: '608648016503040201',
  rsaEncryption: '2a864886f70d010101',
}
const nothing = Buffer.from([0x05, 0x00])

/** DER. Pure. */
export function writeSignedData({ content, signature, certificate }: SignedContent): Buffer {
  const version = der(tag.integer, Buffer.from([1]))
  const signer = der(
    tag.sequence,
    version,
    der(tag.sequence, ...issuerAndSerialOf(certificate)),
    algorithm(oid.sha256),
    algorithm(oid.rsaEncryption),
    der(tag.octetString, signature),
  )
  const signedData = der(
    tag.sequence,
    version,
    der(tag.set, algorithm(oid.sha256)),
    der(tag.sequence, identifier(oid.data), der(tag.explicit0, der(tag.octetString, content))),
    der(tag.set, signer),
  )
  return der(tag.sequence, identifier(oid.signedData), der(tag.explicit0, signedData))
}

/** The two elements of a certificate that name it: the issuer and the serial number, whole. */
function issuerAndSerialOf(certificate: Buffer): [Buffer, Buffer] {
  // Certificate { tbsCertificate { [0] version, serialNumber, signature, issuer, … } }
  const [tbsCertificate] = elementsOf(contentOf(certificate))
  const [, serial, , issuer] = elementsOf(contentOf(tbsCertificate ?? Buffer.alloc(0)))
  if (!serial || !issuer) throw new Error('the certificate is damaged')
  return [issuer, serial]
}

function der(tagByte: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  return Buffer.concat([Buffer.from([tagByte]), lengthOf(content.length), content])
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length])
  const bytes = Buffer.from(length.toString(16).padStart(length > 0xff ? 4 : 2, '0'), 'hex')
  return Buffer.concat([Buffer.from([0x80 | bytes.length]), bytes])
}

function identifier(hex: string): Buffer {
  return der(tag.oid, Buffer.from(hex, 'hex'))
}

function algorithm(hex: string): Buffer {
  return der(tag.sequence, identifier(hex), nothing)
}

function elementsOf(content: Buffer): Buffer[] {
  const elements: Buffer[] = []
  for (let offset = 0; offset < content.length; ) {
    const { headerLength, length } = readHeader(content, offset)
    elements.push(content.subarray(offset, offset + headerLength + length))
    offset += headerLength + length
  }
  return elements
}

function contentOf(element: Buffer): Buffer {
  const { headerLength, length } = readHeader(element, 0)
  return element.subarray(headerLength, headerLength + length)
}

function readHeader(bytes: Buffer, offset: number): { headerLength: number; length: number } {
  const first = bytes[offset + 1] ?? 0
  if (first < 0x80) return { headerLength: 2, length: first }
  const count = first & 0x7f
  return { headerLength: 2 + count, length: bytes.readUIntBE(offset + 2, count) }
}
