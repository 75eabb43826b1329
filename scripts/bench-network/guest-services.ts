/** Where a measured server listens, for one client after the other. */
export const servicePort = {
  /** Sends as a file server does, 64 KiB at a time. */
  sends: 8080,
  /** Sends the same in pieces of 1 KiB: each may be a packet of its own. */
  sendsPieces: 8081,
  /** Takes what comes, and hangs up once the client has said all. */
  receives: 8082,
  /** Says a word. */
  greets: 8083,
} as const

/** User data that makes a nano server offer them; it sends `mib` MiB, of pieces `piecesMib`. */
export function guestServices({ mib, piecesMib }: { readonly mib: number; readonly piecesMib: number }): string {
  const serve = (port: number, program: string) =>
    `/usr/bin/nc -ll -p ${port} -e ${program} </dev/null >/dev/null 2>&1 &\n`
  return [
    '#!/bin/sh\n',
    serve(servicePort.sends, `/bin/dd if=/dev/zero bs=64k count=${mib * 16}`),
    serve(servicePort.sendsPieces, `/bin/dd if=/dev/zero bs=1k count=${piecesMib * 1024}`),
    // A program with the connection on both its ends: what it reads it must not send back.
    serve(servicePort.receives, `/bin/sh -c 'exec cat >/dev/null'`),
    serve(servicePort.greets, '/bin/echo hello'),
  ].join('')
}
