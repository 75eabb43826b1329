import { homedir, userInfo } from 'node:os'
import { join, resolve } from 'node:path'

/**
 * Every name inside the state directory; docs/state-directory.md is its mirror. Sockets live under `machines/<instance>/`,
 * so the root may have at most `maximumRootLength` bytes to keep their paths under the kernel's 108 (unix(7)).
 */
export interface StatePaths {
  readonly root: string
  /** Held with a lock by the live daemon; its content means nothing. */
  readonly lock: string
  /** Pid and addresses of the daemon that holds the lock. */
  readonly daemonFile: string
  readonly socket: string
  readonly log: string
  readonly database: string
  readonly layers: string
  readonly images: string
  readonly volumes: string
  readonly machines: string
  readonly networks: string
  /** Machines that were booted once, for launches to go on from. */
  readonly templates: string
  /** Files of clones that are loaded for launches to come: what a crash leaves of them. */
  readonly clonePool: string
  /** Records of flow logs, a directory a log group (src/ec2/flow-log/log-group.ts). */
  readonly logGroups: string
  /** The log of each build of a pipeline. */
  readonly builds: string
  /** The keys of encrypted volumes and snapshots, a file each, 0600. */
  readonly keyring: string
  /** What instance identity documents are signed with, 0600, and what verifies them. */
  readonly identityKey: string
  readonly identityCertificate: string
  /** By which clients know the SSH server of serial consoles, 0600. */
  readonly serialConsoleHostKey: string
  /** Kept for nothing; given up when the disk is so full that the daemon could not start (ballast.ts). */
  readonly ballast: string
  /** Half-made things; emptied at each start of the daemon. */
  readonly staging: string
  /** Downloads and packages, kept to be used again; may be deleted at any time. */
  readonly cache: string
  /** What has come of downloads that broke off, in the cache. */
  readonly downloads: string
  /** Where uploads to registries that are under way go on, in the cache. */
  readonly uploads: string
  /** Logins of registries, 0600, in the form of docker's `config.json`. */
  readonly registryLogins: string
  /** The user's own additions to the Quick Start catalogue; may be absent. */
  readonly catalogFile: string
  /** Keys of the S3-compatible stores that buckets of the configuration lie in, 0600; may be absent. */
  readonly bucketCredentials: string
  /** What the marketplace of this host offers; may be absent. */
  readonly marketplaceFile: string
  /** What the configured marketplace has had when it was last downloaded. */
  readonly marketplaceDownload: string
  /** Lifecycle policies, one a file; may be absent. */
  readonly lifecycle: string
  /** Private keys made by `kiln key create`, 0600; the daemon never reads them. */
  readonly keys: string
  /** One known_hosts file an instance, for `kiln ssh`. */
  readonly knownHosts: string
  /** Written by `kiln ssh-config --write`. */
  readonly sshConfig: string
}

/** Longest allowed state directory in bytes. */
export const maximumRootLength = 64

/** Lays out the state directory under `root`. */
export function statePathsOf(root: string): StatePaths {
  return {
    root,
    lock: join(root, 'daemon.lock'),
    daemonFile: join(root, 'daemon.json'),
    socket: join(root, 'kilnd.sock'),
    log: join(root, 'kilnd.log'),
    database: join(root, 'kiln.db'),
    layers: join(root, 'layers'),
    images: join(root, 'images'),
    volumes: join(root, 'volumes'),
    machines: join(root, 'machines'),
    networks: join(root, 'networks'),
    templates: join(root, 'templates'),
    clonePool: join(root, 'clone-pool.json'),
    logGroups: join(root, 'log-groups'),
    builds: join(root, 'builds'),
    keyring: join(root, 'keyring'),
    identityKey: join(root, 'instance-identity.key'),
    identityCertificate: join(root, 'instance-identity.pem'),
    serialConsoleHostKey: join(root, 'serial-console-host.key'),
    ballast: join(root, 'ballast'),
    staging: join(root, 'staging'),
    cache: join(root, 'cache'),
    downloads: join(root, 'cache/downloads'),
    uploads: join(root, 'cache/uploads'),
    registryLogins: join(root, 'registry-logins.json'),
    catalogFile: join(root, 'catalog.yaml'),
    bucketCredentials: join(root, 'bucket-credentials.yaml'),
    marketplaceFile: join(root, 'marketplace.yaml'),
    marketplaceDownload: join(root, 'marketplace.downloaded.yaml'),
    lifecycle: join(root, 'lifecycle'),
    keys: join(root, 'keys'),
    knownHosts: join(root, 'known-hosts'),
    sshConfig: join(root, 'ssh_config'),
  }
}

/** KILN_HOME, else /var/lib/kiln for root, else $XDG_STATE_HOME/kiln (~/.local/state/kiln). */
export function findStateRoot(environment: NodeJS.ProcessEnv = process.env): string {
  const chosen = environment['KILN_HOME']
  if (chosen) return resolve(chosen)
  if (userInfo().uid === 0) return '/var/lib/kiln'
  return join(environment['XDG_STATE_HOME'] || join(homedir(), '.local/state'), 'kiln')
}

/** File names inside `machines/<instance>/`. */
export const machineFile = {
  qmpSocket: 'qmp.sock',
  serialSocket: 'serial.sock',
  vncSocket: 'vnc.sock',
  agentSocket: 'agent.sock',
  templateSocket: 'template.sock',
  consoleLog: 'console.log',
  qemuLog: 'qemu.log',
  pid: 'qemu.pid',
  spec: 'machine.json',
  identity: 'process.json',
  uefiVariables: 'uefi-variables.fd',
  tpm: 'tpm',
  tpmKeys: 'tpm-keys.json',
  tpmLog: 'tpm.log',
  tpmSocket: 'tpm.sock',
  /** Memory and devices of one that is hibernated. */
  state: 'memory.state',
  /** Between QEMU and the daemon while that is written or read. */
  stateSocket: 'state.sock',
} as const

/** File names inside `layers/<layer>/` and `volumes/<volume>/`. */
export const diskFile = {
  disk: 'disk.qcow2',
  /** What a layer's disk is to be replaced by, while it is made (layer-flattener.ts). */
  flatDisk: 'flat.qcow2',
  layerDescription: 'layer.yaml',
  volumeDescription: 'volume.yaml',
} as const

/** File names inside `templates/<template>/`. */
export const templateFile = {
  /** What the machine's processors see as memory; as large as that, with holes. */
  memory: 'memory',
  /** All of the machine but its memory and its disk. */
  devices: 'devices.state',
  /** Its disk, until it is a layer. */
  disk: 'disk.qcow2',
} as const

/** File names inside `images/<image>/`. */
export const imageFile = { description: 'image.yaml' } as const
