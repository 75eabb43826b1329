import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'

/** QEMU refused a command: `class` is QMP's error class, such as `GenericError`. */
export class QmpError extends Error {
  override readonly name = 'QmpError'
  readonly class: string

  constructor(errorClass: string, description: string) {
    super(description)
    this.class = errorClass
  }
}

export interface QmpEvent {
  readonly event: string
  readonly data: Readonly<Record<string, unknown>>
}

/** A QEMU Machine Protocol session (QEMU documentation, "QEMU Machine Protocol Specification"). */
export interface QmpClient {
  /** Resolves with the command's return value; rejects with QmpError, or Error when the session ended or time ran out. */
  execute(command: string, args?: Record<string, unknown>, timeoutMs?: number): Promise<unknown>
  close(): void
}

interface PendingCommand {
  resolve(value: unknown): void
  reject(error: Error): void
}

/** A host out of breath lets QEMU's main loop wait for seconds; only a hang takes longer. */
const usualTimeoutMs = 30_000

/**
 * Connects to a QMP socket and leaves capability negotiation behind. QEMU serves one client at a time: a second one waits for its
 * greeting until the first is gone.
 */
export async function connectQmp(
  path: string,
  handlers: { onEvent: (event: QmpEvent) => void; onClose: () => void },
  timeoutMs = usualTimeoutMs,
): Promise<QmpClient> {
  const socket = await connectSocket(path)
  const pending = new Map<number, PendingCommand>()
  let nextId = 1
  let isReady = false
  let onGreeting: () => void = () => undefined
  const greeting = new Promise<void>((resolve) => (onGreeting = resolve))

  const lines = createInterface({ input: socket })
  // The interface repeats the socket's error, which is dealt with below.
  lines.on('error', () => undefined)
  lines.on('line', (line) => {
    const message = parseMessage(line)
    if (!message) return
    if ('QMP' in message) onGreeting()
    else if (typeof message['event'] === 'string') {
      handlers.onEvent({ event: message['event'], data: (message['data'] ?? {}) as Record<string, unknown> })
    } else if (typeof message['id'] === 'number') settle(message['id'], message)
  })
  socket.on('error', () => socket.destroy())
  socket.on('close', () => {
    for (const command of pending.values()) command.reject(new Error('the QMP session ended'))
    pending.clear()
    if (isReady) handlers.onClose()
  })

  function settle(id: number, message: Record<string, unknown>): void {
    const command = pending.get(id)
    pending.delete(id)
    const error = message['error'] as { class?: string; desc?: string } | undefined
    if (error) command?.reject(new QmpError(error.class ?? 'GenericError', error.desc ?? 'no description'))
    else command?.resolve(message['return'])
  }

  async function execute(command: string, args?: Record<string, unknown>, limitMs = usualTimeoutMs): Promise<unknown> {
    if (socket.destroyed) throw new Error('the QMP session ended')
    const id = nextId++
    const answer = new Promise<unknown>((resolve, reject) => pending.set(id, { resolve, reject }))
    socket.write(`${JSON.stringify({ execute: command, ...(args ? { arguments: args } : {}), id })}\n`)
    return await withDeadline(answer, limitMs, `QEMU did not answer ${command}`, () => pending.delete(id))
  }

  try {
    await withDeadline(greeting, timeoutMs, 'QEMU sent no QMP greeting', () => undefined)
    await execute('qmp_capabilities', undefined, timeoutMs)
    isReady = true
  } catch (error) {
    socket.destroy()
    throw error
  }
  return { execute, close: () => socket.destroy() }
}

async function connectSocket(path: string): Promise<Socket> {
  const socket = connect(path)
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  return socket
}

async function withDeadline<T>(work: Promise<T>, timeoutMs: number, what: string, onTimeout: () => void): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      onTimeout()
      reject(new Error(`${what} within ${timeoutMs} ms`))
    }, timeoutMs)
  })
  try {
    return await Promise.race([work, deadline])
  } finally {
    clearTimeout(timer)
  }
}

/** A line that is no JSON object is QEMU's noise, never an answer. */
function parseMessage(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
