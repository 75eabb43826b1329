import type { Socket } from 'node:dgram'
import type { Clock } from '../../host/clock.ts'
import { readHostClock } from './host-clock.ts'
import { isTimeRequest, writeTimeAnswer } from './ntp-message.ts'

/** NTP's. */
export const timePort = 123

/** Answers clients of NTP with the host's time, on a socket that is bound already. */
export function serveTime(socket: Socket, clock: Clock): void {
  const now = () => clock.now().getTime()
  socket.on('message', (bytes, { address, port }) => {
    const receivedMs = now()
    // Nobody is at port 0, and Node throws an error at whoever sends there.
    if (port === 0 || !isTimeRequest(bytes)) return
    const quality = readHostClock(receivedMs)
    socket.send(writeTimeAnswer(bytes, quality, receivedMs, now()), port, address, () => undefined)
  })
}
