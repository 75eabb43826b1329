/** Who a clone of a template is, as its guest is told. */
export interface CloneIdentity {
  readonly instanceId: string
  /** 64 bytes of fresh randomness. */
  readonly seed: Buffer
  /** 32 hexadecimal digits (machine-id(5)). */
  readonly machineId: string
  /** Its system's, which the guest finds in its SMBIOS once it boots anew. */
  readonly systemUuid: string
  /** Without a domain. */
  readonly hostName: string
  /** With its domain. */
  readonly fullName: string
  readonly networkInterface: {
    readonly mac: string
    /** With the length of its subnet's prefix. */
    readonly address: string
    readonly gateway: string
    readonly nameServers: readonly string[]
    readonly domain?: string
    /** In bytes. */
    readonly mtu: number
  }
  /** In OpenSSH's format, one line; absent: nobody may log in by a key. */
  readonly loginKey?: string
  /** A fresh Ed25519 key (RFC 8032), each part 32 bytes. */
  readonly sshHostKey: { readonly seed: Buffer; readonly publicKey: Buffer }
  /** What is to be done before SSH answers. */
  readonly waitFor: 'ssh' | 'cloud-init'
}

/** The version of what is said; guests pass over what they do not know. */
const version = 1

/** The text that a clone's guest is told, at that time. Pure. docs/guides/fast-launch-images.md tells guests of it. */
export function describeIdentity(identity: CloneIdentity, now: Date): string {
  const { networkInterface: own } = identity
  const lines: readonly (readonly [string, string | number])[] = [
    ['version', version],
    ['instance-id', identity.instanceId],
    ['time', secondsOf(now)],
    ['seed', identity.seed.toString('hex')],
    ['machine-id', identity.machineId],
    ['system-uuid', identity.systemUuid],
    ['hostname', identity.hostName],
    ['fqdn', identity.fullName],
    ['interface-mac', own.mac],
    ['interface-address', own.address],
    ['interface-gateway', own.gateway],
    ...own.nameServers.map((server) => ['interface-dns', server] as const),
    ...(own.domain === undefined ? [] : [['interface-domain', own.domain] as const]),
    ['interface-mtu', own.mtu],
    ...(identity.loginKey === undefined ? [] : [['login-key', identity.loginKey] as const]),
    ['ssh-host-key', `${identity.sshHostKey.seed.toString('hex')}${identity.sshHostKey.publicKey.toString('hex')}`],
    ['wait-for', identity.waitFor],
  ]
  return `${lines.map(([key, value]) => `${key}=${value}\n`).join('')}END\n`
}

/** What a guest is told that asks for the time, so that it knows how long the answer took. Pure. */
export function describeTime(now: Date): string {
  return `time=${secondsOf(now)}\nEND\n`
}

function secondsOf(now: Date): string {
  return (now.getTime() / 1000).toFixed(6)
}
