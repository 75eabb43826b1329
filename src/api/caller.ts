/** Who calls, and how the call came in. */
export interface Caller {
  /** Twelve digits. */
  readonly accountId: string
  /** EC2's name of the region that the call is for. */
  readonly region: string
  /** The key that signed the call; absent on the socket, whose file permissions stand for it. */
  readonly accessKeyId?: string
  readonly source: 'query' | 'socket'
  /** Address of the peer of a TCP connection. */
  readonly sourceAddress?: string
  readonly requestId: string
}
