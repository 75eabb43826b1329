import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import dnsPacket, { type Answer } from 'dns-packet'

/** A DNS server of a host, on its loopback: answers A questions with one address, and remembers what it was asked. */
export interface FakeResolver {
  readonly port: number
  readonly asked: string[]
  readonly udp: Socket
  close(): void
}

/** `answer` says otherwise for a name; `silent` is never answered. */
export async function startFakeResolver(
  host: string,
  port: number,
  address: string,
  answer: (name: string, type: string) => Answer[] | 'silent' | 'NXDOMAIN' | undefined = () => undefined,
): Promise<FakeResolver> {
  const asked: string[] = []
  function reply(message: Buffer, isUdp: boolean): Buffer | undefined {
    const query = dnsPacket.decode(message)
    const [question] = query.questions ?? []
    if (!question) return undefined
    asked.push(
      `${question.name} ${question.type} ${JSON.stringify(query.additionals?.map((opt) => ('options' in opt ? opt.options : opt)))}`,
    )
    const special = answer(question.name, question.type)
    if (special === 'silent') return undefined
    const answers =
      special === 'NXDOMAIN'
        ? []
        : (special ??
          (question.type === 'A' ? [{ name: question.name, type: 'A' as const, ttl: 30, data: address }] : []))
    const encode = (flags: number, records: Answer[]) =>
      dnsPacket.encode({
        type: 'response',
        id: query.id ?? 0,
        flags: flags | 0x180 | (special === 'NXDOMAIN' ? 3 : 0),
        questions: [question],
        answers: records,
      })
    const whole = encode(0, answers)
    return isUdp && whole.length > 512 ? encode(0x200, []) : whole
  }
  const udp = createSocket('udp4')
  udp.on('message', (message, peer) => {
    const message2 = reply(message, true)
    if (message2) udp.send(message2, peer.port, peer.address)
  })
  udp.bind(port, host)
  await once(udp, 'listening')
  const bound = udp.address().port
  const tcp = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    socket.on('data', (data) => {
      const answered = reply(data.subarray(2), false)
      if (!answered) return
      const length = Buffer.alloc(2)
      length.writeUInt16BE(answered.length)
      socket.write(Buffer.concat([length, answered]))
    })
  })
  tcp.listen(bound, host)
  await once(tcp, 'listening')
  return {
    port: bound,
    asked,
    udp,
    close: () => {
      udp.close()
      tcp.close()
    },
  }
}
