import type { WantedPort } from './public-ports.ts'

/** A port of the host's loopback that leads into a VPC. */
export interface OpenPort {
  /** Takes no newcomers; what stands goes on. */
  stop(): void
  /** Takes newcomers again; false where the port must be opened anew. */
  resume(): boolean
  /** Whether nothing stands. */
  isIdle(): boolean
  /** Takes no newcomers and ends what stands. */
  end(): void
}

/** Opens a port of the host at the public address of what is wanted; rejects with the error of bind(2) or listen(2). */
export type OpenPublicPort = (vpcId: string, wanted: WantedPort, hostPort: number) => Promise<OpenPort>
