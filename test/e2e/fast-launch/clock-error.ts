import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Lab } from '../lab.ts'
import type { Servers } from '../servers.ts'

/** How often the guest is asked: the answer that takes the least time tells most. */
const tries = 20

/**
 * Milliseconds that a guest's clock is off the host's, as far as that can be told: the guest answers at some moment between a question and its
 * answer, and whatever agrees with that is no error. A shell of the guest answers each line with its time, without starting a program.
 */
export async function measureClockError(lab: Lab, servers: Servers, instanceId: string, user: string): Promise<number> {
  const { PublicIpAddress: address = '' } = await servers.describe(instanceId)
  const session = spawn('ssh', [
    ...(await lab.sshArguments(address, user, servers.keyFile)),
    `bash -c 'while read -r; do echo "$EPOCHREALTIME"; done'`,
  ])
  try {
    const lines = createInterface({ input: session.stdout })[Symbol.asyncIterator]()
    let least = Number.POSITIVE_INFINITY
    for (let count = 0; count < tries; count++) {
      const asked = Date.now()
      session.stdin.write('\n')
      const { value } = (await lines.next()) as { value: string | undefined }
      const answered = Date.now()
      const told = Number(value) * 1000
      least = Math.min(least, Math.max(asked - told, told - answered, 0))
    }
    if (Number.isNaN(least)) throw new Error(`${instanceId} does not tell its time`)
    return least
  } finally {
    const ended = once(session, 'close')
    session.stdin.end()
    session.kill()
    await ended
  }
}
