import { expect, test } from 'vitest'
import { createDatagramReader, writeDatagramFrame } from '../../../../src/api/stream/datagram-frame.ts'

const first = { host: '172.31.0.5', port: 53, data: Buffer.from('question') }
const second = { host: 'web.lab.internal', port: 65_535, data: Buffer.alloc(0) }

test('frames are read however the stream is cut', () => {
  const bytes = Buffer.concat([first, second].map(writeDatagramFrame))
  for (const size of [1, 3, 7, bytes.length]) {
    const read = createDatagramReader()
    const frames = []
    for (let at = 0; at < bytes.length; at += size) frames.push(...read(bytes.subarray(at, at + size)))
    expect(frames).toEqual([first, second])
  }
})

test.each([
  ['a length beyond any datagram', Buffer.from([0, 255, 255, 255])],
  ['no length', Buffer.from([0, 0, 0, 0])],
  ['a host longer than its frame', Buffer.from([0, 0, 0, 3, 200, 0, 0])],
])('%s is no frame', (_, bytes) => {
  expect(() => createDatagramReader()(bytes)).toThrow('this is no stream of datagrams')
})
