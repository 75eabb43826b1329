import type { Server } from 'node:net'
import { StartError } from './start-error.ts'

/** Listens on the port, or on the next free one; answers the URL. Throws StartError when it may not, or none of a hundred is free. */
export async function listenAtEndpoint(
  server: Server,
  { address, port }: { address: string; port: number },
): Promise<string> {
  return `http://${address}:${await listenNear(server, address, port).catch(explainListenFailure)}`
}

/** Listens on the port, or on the next free one of a hundred; answers which. Throws what listen(2) says. */
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

/** Listens there and nowhere else. Throws what listen(2) says. */
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

function explainListenFailure(error: unknown): never {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'EADDRINUSE') throw new StartError('endpoint.port: it and the hundred ports after it are taken')
  if (code === 'EADDRNOTAVAIL') throw new StartError('endpoint.address: this host has no such address')
  if (code === 'EACCES') throw new StartError('endpoint.port: you may not listen there, take one above 1023')
  throw error
}
