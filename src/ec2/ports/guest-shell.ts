/**
 * What the domain asks of a login to a running server: commands, over SSH, because every image that EC2 knows lets its key in, which a
 * guest agent is not in each of. Implemented by src/machine/guest-shell.ts.
 */

/** A server that lets a key in. */
export interface GuestLogin {
  readonly vpcId: string
  readonly privateIp: string
  readonly user: string
  /** Private key, 0600. */
  readonly keyFile: string
  /** Where the server's host key is remembered: one that changes is refused. */
  readonly knownHostsFile: string
}

export interface GuestRun {
  /** For the user's login shell. */
  readonly command: string
  /** Its standard input. */
  readonly input: string | Uint8Array
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** Told each line that it prints. */
  readonly onLine?: (line: string) => void
}

export interface GuestShell {
  /** Runs a command to its end and answers what it wrote to standard output. Rejects with GuestCommandFailed. */
  run(run: GuestRun): Promise<string>
  close(): void
}

export interface GuestShells {
  open(login: GuestLogin): Promise<GuestShell>
}

/** A command in a server has failed. */
export class GuestCommandFailed extends Error {
  override readonly name = 'GuestCommandFailed'
  /** `connection`: it could not be logged in, or the connection broke. `exit`: the command's own failure. */
  readonly kind: 'exit' | 'timeout' | 'connection'

  constructor(kind: 'exit' | 'timeout' | 'connection', message: string) {
    super(message)
    this.kind = kind
  }
}
