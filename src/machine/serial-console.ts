import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import { findTail, followFile } from '../host/follow-file.ts'
import { machineFile } from '../host/state-paths.ts'

/** The serial consoles of machines, each shared by all who have it open. */
export interface SerialConsoles {
  /**
   * Reading gives the last lines of output and then all that follows, until the machine ends; what is written is typed on the console.
   * Rejects when no machine listens in this directory.
   */
  open(machineDirectory: string): Promise<Duplex>
}

/** The connection through which all consoles of a machine type. */
interface Line {
  readonly connected: Promise<Socket>
  /** Aborted when the machine or its last console has ended. */
  readonly ending: AbortController
  consoleCount: number
}

/** What a console shows of the past. */
const shownLines = 40
const shownBytes = 16 * 1024

/**
 * QEMU serves one client of a serial socket at a time, leaves others waiting without a word, and stalls the guest of one that does not
 * read. So the daemon is the one client and reads at once what comes. What the consoles show is read from the log that QEMU
 * writes: each at its own pace, none missing a byte or getting one twice.
 */
export function createSerialConsoles(): SerialConsoles {
  const lines = new Map<string, Line>()

  function lineOf(directory: string): Line {
    const present = lines.get(directory)
    if (present) return present
    const line: Line = {
      connected: connectTo(join(directory, machineFile.serialSocket)),
      ending: new AbortController(),
      consoleCount: 0,
    }
    lines.set(directory, line)
    const forget = () => {
      if (lines.get(directory) === line) lines.delete(directory)
      line.ending.abort()
    }
    line.connected.then((socket) => socket.once('close', forget), forget)
    return line
  }

  return {
    open: async (directory) => {
      const log = join(directory, machineFile.consoleLog)
      const from = await findTail(log, shownLines, shownBytes)
      const line = lineOf(directory)
      line.consoleCount++
      const socket = await line.connected
      return consoleOf(socket, followFile(log, { from, until: line.ending.signal }), () => {
        if (--line.consoleCount > 0) return
        if (lines.get(directory) === line) lines.delete(directory)
        socket.destroy()
      })
    },
  }
}

async function connectTo(path: string): Promise<Socket> {
  const socket = connect(path)
  await once(socket, 'connect')
  // An error is followed by its close.
  socket.on('error', () => undefined)
  return socket.resume()
}

function consoleOf(socket: Socket, output: AsyncGenerator<Buffer>, leave: () => void): Duplex {
  return new Duplex({
    read() {
      output.next().then(
        ({ done, value }) => this.push(done ? null : value),
        (error: Error) => this.destroy(error),
      )
    },
    write(chunk: Buffer, _encoding, callback) {
      socket.write(chunk, callback)
    },
    destroy(error, callback) {
      leave()
      stop(output)
      callback(error)
    },
  })
}

/** Whatever ended the reading, nobody reads on. */
function stop(output: AsyncGenerator<Buffer>): void {
  output.return(undefined).catch(() => undefined)
}
