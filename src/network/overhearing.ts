import type { Socket } from 'node:net'

/** Answers to those who connect to guests by public addresses, for others who only want to know whether a guest answers. */
export interface Overhearing {
  /** Somebody asks there; `answered` or `ended` is to be called. */
  begin(vpcId: string, host: string, port: number): Conversation
  /**
   * The first bytes of an answer to somebody who asks there at the moment; undefined when nobody does, or all who do come to nothing, or
   * the signal is aborted.
   */
  overhear(vpcId: string, host: string, port: number, signal: AbortSignal): Promise<Buffer | undefined>
}

export interface Conversation {
  /** The guest has accepted. */
  follow(server: Socket): void
  end(): void
}

export function createOverhearing(): Overhearing {
  /** What comes of each; rejects when nothing does. */
  const conversations = new Map<string, Set<Promise<Buffer>>>()

  function begin(vpcId: string, host: string, port: number): Conversation {
    const place = placeOf(vpcId, host, port)
    let hear: (answer: Buffer) => void = () => undefined
    let giveUp: (why: Error) => void = () => undefined
    const answer = new Promise<Buffer>((resolve, reject) => {
      hear = resolve
      giveUp = reject
    })
    // Mostly nobody listens.
    answer.catch(() => undefined)
    const others = conversations.get(place) ?? new Set()
    conversations.set(place, others.add(answer))
    const end = (heard?: Buffer) => {
      if (heard) hear(heard)
      else giveUp(new Error('nothing was said'))
      others.delete(answer)
      if (others.size === 0 && conversations.get(place) === others) conversations.delete(place)
    }
    return {
      follow: (server) => {
        server.once('data', end)
        server.once('close', () => end())
      },
      end: () => end(),
    }
  }

  async function overhear(vpcId: string, host: string, port: number, signal: AbortSignal): Promise<Buffer | undefined> {
    const aborted = new Promise<undefined>((resolve) => {
      signal.addEventListener('abort', () => resolve(undefined), { once: true })
    })
    const place = placeOf(vpcId, host, port)
    while (!signal.aborted) {
      const present = conversations.get(place)
      if (!present) return undefined
      const heard = await Promise.race([aborted, Promise.any(present).catch(() => undefined)])
      if (heard) return heard
    }
    return undefined
  }

  return { begin, overhear }
}

function placeOf(vpcId: string, host: string, port: number): string {
  return `${vpcId} ${host} ${port}`
}
