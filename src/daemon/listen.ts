import type { Server } from 'node:http'

/** Listens on the port, or on the next free one; answers which. Throws what listen(2) says when none of a hundred is free. */
export async function listenNear(server: Server, address: string, firstPort: number): Promise<number> {
  for (let port = firstPort; ; port++) {
    try {
      await listenOn(server, { host: address, port })
      return port
    } catch (error) {
      const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
      if (!isTaken || port >= firstPort + 100) throw error
    }
  }
}

export async function listenOn(
  server: Server,
  where: { host: string; port: number } | { path: string },
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const onListening = () => {
      server.off('error', onError)
      resolve()
    }
    const onError = (error: Error) => {
      server.off('listening', onListening)
      reject(error)
    }
    server.once('listening', onListening)
    server.once('error', onError)
    server.listen(where)
  })
}
