import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { serveUdp } from '../../../src/network/dns/dns-server.ts'

/** A question for the addresses of `a.`. */
const question = Buffer.from('0001010000010000000000000161000001 0001'.replace(' ', ''), 'hex')

test('a question from port 0, where nobody hears an answer, is not answered and hurts nobody', async () => {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const asked: number[] = []
  const service = serveUdp(
    socket,
    async (query) => {
      asked.push(query.id)
      return question
    },
    (error) => {
      throw error
    },
  )
  const client = createSocket('udp4').bind(0, '127.0.0.1')
  await once(client, 'listening')
  // As the kernel tells of a datagram from there, which only who may forge packets can send.
  socket.emit('message', question, { address: '127.0.0.1', port: 0, family: 'IPv4', size: question.length })
  client.send(question, socket.address().port, '127.0.0.1')
  await once(client, 'message')
  expect(asked).toEqual([1])
  client.close()
  service.close()
})
