/** Of the package ssh2 (1.17), which brings no types, what a server of consoles needs. */
declare module 'ssh2' {
  import type { EventEmitter } from 'node:events'
  import type { Socket } from 'node:net'
  import type { Duplex, Writable } from 'node:stream'

  export interface ParsedKey {
    readonly type: string
    /** The public half as it is on the wire. */
    getPublicSSH(): Buffer
    verify(data: Buffer, signature: Buffer, hashAlgorithm?: string): boolean | Error
  }

  /** One try to log in. */
  export interface AuthContext {
    readonly username: string
    readonly method: string
    /** Of `publickey`. */
    readonly key?: { readonly algo: string; readonly data: Buffer }
    /** Absent while a client only asks whether the key would do. */
    readonly signature?: Buffer
    readonly blob?: Buffer
    /** How an RSA key has signed; absent: SHA-1. */
    readonly hashAlgo?: string
    accept(): void
    reject(methodsLeft?: readonly string[]): void
  }

  export interface ServerChannel extends Duplex {
    readonly stderr: Writable
    exit(status: number): void
  }

  export interface Session extends EventEmitter {
    on(event: 'pty', listener: (accept: (() => void) | undefined) => void): this
    on(event: 'shell', listener: (accept: () => ServerChannel) => void): this
    once(event: 'shell', listener: (accept: () => ServerChannel) => void): this
  }

  export interface Connection extends EventEmitter {
    on(event: 'authentication', listener: (context: AuthContext) => void): this
    on(event: 'session', listener: (accept: () => Session) => void): this
    once(event: 'session', listener: (accept: () => Session) => void): this
    on(event: 'close', listener: () => void): this
    on(event: 'error', listener: (error: Error) => void): this
    end(): void
  }

  export class Server extends EventEmitter {
    constructor(options: { hostKeys: readonly string[]; ident?: string }, onConnection: (client: Connection) => void)
    /** Serves a connection that somebody else has accepted. */
    injectSocket(socket: Socket): void
  }

  const ssh2: {
    Server: typeof Server
    utils: { parseKey(text: string): ParsedKey | Error }
  }
  export default ssh2
}
