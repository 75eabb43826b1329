import { openGuestAgent } from './guest-agent.ts'
import type { QmpLink } from './qmp-link.ts'

/** An agent that is there answers in milliseconds; a busy guest writes its caches out for a while when it freezes. */
const syncTimeoutMs = 1000
const freezeTimeoutMs = 5000
const thawTimeoutMs = 5000

/**
 * Does `work` while the guest's file systems are frozen, where a guest agent holds its port open; else, or when it does not answer in
 * time, without: a disk is then as after a power cut. The file systems are thawed in any case, also those that a daemon which was killed
 * left frozen.
 */
export async function withQuietGuest<T>(link: QmpLink, agentSocket: string, work: () => Promise<T>): Promise<T> {
  const agent = (await isAgentThere(link)) ? await openGuestAgent(agentSocket, syncTimeoutMs) : undefined
  if (!agent) return await work()
  try {
    // A refusal is as good as silence: there may be nothing that can be frozen.
    await agent.execute('guest-fsfreeze-freeze', freezeTimeoutMs).catch(() => undefined)
    return await work()
  } finally {
    await agent.execute('guest-fsfreeze-thaw', thawTimeoutMs).catch(() => undefined)
    agent.close()
  }
}

/** Whether the guest has opened the agent's port: a connection says nothing about that. */
async function isAgentThere(link: QmpLink): Promise<boolean> {
  const devices = (await link.execute('query-chardev')) as { label?: string; 'frontend-open'?: boolean }[]
  return devices.some((device) => device.label === 'agent' && device['frontend-open'] === true)
}
