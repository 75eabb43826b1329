/** A UDP datagram on its way through a stream of bytes: to an address, or from one. */
export interface AddressedDatagram {
  /** An address; to the daemon also a name. */
  readonly host: string
  readonly port: number
  readonly data: Buffer
}

const lengthBytes = 4
/** A host's length and a port. */
const fixedBytes = 3
/** The longest UDP can carry, over IPv6, behind the longest name. */
const maximumFrameBytes = fixedBytes + 255 + 65_527

/** Length of the rest (4 bytes), length of the host (1), host, port (2), data. */
export function writeDatagramFrame({ host, port, data }: AddressedDatagram): Buffer {
  const name = Buffer.from(host, 'latin1')
  const head = Buffer.alloc(lengthBytes + fixedBytes + name.length)
  head.writeUInt32BE(fixedBytes + name.length + data.length, 0)
  head.writeUInt8(name.length, lengthBytes)
  name.copy(head, lengthBytes + 1)
  head.writeUInt16BE(port, head.length - 2)
  return Buffer.concat([head, data])
}

/** Takes a stream apart, piece by piece as it comes. The reader throws at what is no frame. */
export function createDatagramReader(): (piece: Buffer) => AddressedDatagram[] {
  let rest: Buffer = Buffer.alloc(0)
  return (piece) => {
    rest = Buffer.concat([rest, piece])
    const frames: AddressedDatagram[] = []
    while (rest.length >= lengthBytes) {
      const length = rest.readUInt32BE(0)
      if (length < fixedBytes || length > maximumFrameBytes) throw new Error('this is no stream of datagrams')
      if (rest.length < lengthBytes + length) break
      frames.push(readFrame(rest.subarray(lengthBytes, lengthBytes + length)))
      rest = rest.subarray(lengthBytes + length)
    }
    return frames
  }
}

function readFrame(frame: Buffer): AddressedDatagram {
  const end = 1 + frame.readUInt8(0)
  if (end + 2 > frame.length) throw new Error('this is no stream of datagrams')
  return { host: frame.toString('latin1', 1, end), port: frame.readUInt16BE(end), data: frame.subarray(end + 2) }
}
