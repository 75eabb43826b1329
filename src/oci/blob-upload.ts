import { Ec2Error } from '../ec2/errors.ts'
import type { BlobSource, Repository } from '../ec2/ports/registry.ts'
import type { Clock } from '../host/clock.ts'
import { type Requester, unreachable } from './requester.ts'
import type { UploadNotes } from './upload-notes.ts'

export interface UploadDependencies {
  readonly clock: Clock
  readonly requester: Requester
  readonly notes: UploadNotes
}

export interface UploadWork {
  readonly signal: AbortSignal
  readonly onSent: (bytes: number) => void
}

/** An upload that the registry knows: where the next piece goes, and what it has. */
interface Session {
  readonly location: string
  readonly offset: number
}

const pieceBytes = 16 * 1024 ** 2
/** A registry may ask for larger pieces (`OCI-Chunk-Min-Length`), within reason. */
const largestPieceBytes = 128 * 1024 ** 2
/** Tries in a row that bring nothing. */
const attempts = 5
/** Of an upload from its beginning. */
const maximumRestarts = 2
const firstPauseMs = 300

/**
 * Sends a blob in pieces: in the session that an earlier call left, else in the one that `opened` has begun, else in a new one. A registry
 * that breaks off is asked what it has.
 */
export async function uploadBlob(
  { clock, requester, notes }: UploadDependencies,
  repository: Repository,
  blob: BlobSource,
  opened: Response | undefined,
  work: UploadWork,
): Promise<void> {
  const { host, path } = repository
  const { signal } = work
  const scope = `repository:${path}:pull,push`
  let pieceLength = pieceBytes

  function sessionOf(response: Response, offset: number): Session {
    const location = response.headers.get('location')
    if (location === null)
      throw new Ec2Error('RegistryRefused', `The registry ${host} begins an upload without saying where.`)
    pieceLength = Math.min(
      largestPieceBytes,
      Math.max(pieceLength, Number(response.headers.get('oci-chunk-min-length') ?? 0) || 0),
    )
    return { location: new URL(location, response.url).href, offset }
  }

  async function begin(): Promise<Session> {
    const response = await requester.send({ host, path: `${path}/blobs/uploads/`, method: 'POST', scope, signal })
    return sessionOf(response, 0)
  }

  /** What the registry has of a session; undefined when it has forgotten it. */
  async function look(session: Session): Promise<Session | undefined> {
    try {
      const response = await requester.send({ host, path: new URL(session.location), scope, signal })
      const end = /^(?:bytes=)?0-(\d+)$/.exec(response.headers.get('range') ?? '')?.[1]
      // `0-0` is one byte or none.
      const offset = end === undefined || end === '0' ? 0 : Number(end) + 1
      return offset > blob.sizeBytes ? undefined : sessionOf(response, offset)
    } catch (error) {
      if (error instanceof Ec2Error && error.code !== 'RegistryUnreachable') return undefined
      throw error
    }
  }

  async function sendPiece(session: Session): Promise<Session> {
    const { offset } = session
    const body = await blob.read(offset, Math.min(pieceLength, blob.sizeBytes - offset))
    work.onSent(body.length)
    const response = await requester.once({
      ...{ host, path: new URL(session.location), method: 'PATCH', scope, body, signal },
      headers: {
        'content-type': 'application/octet-stream',
        'content-range': `${offset}-${offset + body.length - 1}`,
      },
    })
    return sessionOf(response, offset + body.length)
  }

  async function finish(session: Session): Promise<void> {
    const url = new URL(session.location)
    url.searchParams.set('digest', blob.digest)
    await requester.once({ host, path: url, method: 'PUT', scope, signal, body: Buffer.alloc(0) })
  }

  const kept = await notes.find(repository, blob.digest)
  let session = kept === undefined ? undefined : await look({ location: kept, offset: 0 })
  session ??= opened ? sessionOf(opened, 0) : await begin()
  let restarts = 0
  for (let attempt = 1; ; attempt++) {
    try {
      while (session.offset < blob.sizeBytes) {
        session = await sendPiece(session)
        await notes.keep(repository, blob.digest, session.location)
        attempt = 1
      }
      await finish(session)
      await notes.forget(repository, blob.digest)
      return
    } catch (error) {
      signal.throwIfAborted()
      // A session that the registry ends (it lost track of what it has) is begun anew; what it does not want at all, it says again.
      const isLost = error instanceof Ec2Error && error.code === 'RegistryRefused'
      if (error instanceof Ec2Error && (!isLost || ++restarts > maximumRestarts)) throw error
      if (attempt === attempts) throw unreachable(host, error)
      await clock.sleep(firstPauseMs * 2 ** (attempt - 1), signal)
      session = (isLost ? undefined : await look(session)) ?? (await begin())
    }
  }
}
