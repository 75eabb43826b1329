import type { Command } from 'commander'
import type { Session } from './session.ts'

/** A command that `kiln` has, as its help lists it. */
export interface CommandEntry {
  readonly name: string
  readonly summary: string
  readonly isHidden?: boolean
  load(): Promise<(command: Command, session: Session) => void>
}

/** Every command; only the one that is called is loaded. */
export const commandEntries: readonly CommandEntry[] = [
  {
    name: 'daemon',
    summary: 'Start, stop and watch the daemon',
    load: async () => (await import('./command/daemon.ts')).defineDaemon,
  },
  {
    name: 'doctor',
    summary: 'Check this host and say how to mend it',
    load: async () => (await import('./command/doctor.ts')).defineDoctor,
  },
  {
    name: 'env',
    summary: 'Print settings for AWS tools',
    load: async () => (await import('./command/env.ts')).defineEnv,
  },
  {
    name: 'aws-profile',
    summary: 'Write a profile for AWS tools',
    load: async () => (await import('./command/aws-profile.ts')).defineAwsProfile,
  },
  {
    name: 'access-key',
    summary: 'Manage access keys and accounts',
    load: async () => (await import('./command/access-key.ts')).defineAccessKey,
  },
  {
    name: 'audit',
    summary: 'Show who changed what, and who was refused',
    load: async () => (await import('./command/audit.ts')).defineAudit,
  },
  {
    name: 'image',
    summary: 'List, build, pull, push, import, export, store and delete images',
    load: async () => (await import('./command/image.ts')).defineImage,
  },
  {
    name: 'snapshot',
    summary: 'List, take, archive, import, export and delete snapshots',
    load: async () => (await import('./command/snapshot.ts')).defineSnapshot,
  },
  {
    name: 'bucket',
    summary: 'Show what lies in the buckets of the configuration',
    load: async () => (await import('./command/bucket.ts')).defineBucket,
  },
  {
    name: 'disk',
    summary: 'Show what lies on the disk, and check that it is as it was',
    load: async () => (await import('./command/disk.ts')).defineDisk,
  },
  {
    name: 'lifecycle',
    summary: 'Make backups and clean images up by policies',
    load: async () => (await import('./command/lifecycle.ts')).defineLifecycle,
  },
  {
    name: 'marketplace',
    summary: 'List products, and subscribe to them',
    load: async () => (await import('./command/marketplace.ts')).defineMarketplace,
  },
  {
    name: 'recycle-bin',
    summary: 'Keep what is deleted for a while, and restore it',
    load: async () => (await import('./command/recycle-bin.ts')).defineRecycleBin,
  },
  {
    name: 'pipeline',
    summary: 'Build, test and distribute images by pipelines',
    load: async () => (await import('./command/pipeline.ts')).definePipeline,
  },
  {
    name: 'registry',
    summary: 'Log in to registries of images',
    load: async () => (await import('./command/registry.ts')).defineRegistry,
  },
  {
    name: 'run',
    summary: 'Launch instances from an image',
    load: async () => (await import('./command/run.ts')).defineRun,
  },
  { name: 'ls', summary: 'List instances', load: async () => (await import('./command/ls.ts')).defineLs },
  {
    name: 'top',
    summary: 'Watch what running instances take of this host',
    load: async () => (await import('./command/top.ts')).defineTop,
  },
  {
    name: 'describe',
    summary: 'Show everything about an instance, image, volume, key pair or group',
    load: async () => (await import('./command/describe.ts')).defineDescribe,
  },
  {
    name: 'start',
    summary: 'Start stopped instances',
    load: async () => (await import('./command/power.ts')).defineStart,
  },
  { name: 'stop', summary: 'Stop instances', load: async () => (await import('./command/power.ts')).defineStop },
  {
    name: 'suspend',
    summary: 'Stop instances and keep their memory',
    load: async () => (await import('./command/power.ts')).defineSuspend,
  },
  {
    name: 'resume',
    summary: 'Let suspended instances go on where they were',
    load: async () => (await import('./command/power.ts')).defineResume,
  },
  { name: 'reboot', summary: 'Reboot instances', load: async () => (await import('./command/power.ts')).defineReboot },
  { name: 'rm', summary: 'Terminate instances', load: async () => (await import('./command/rm.ts')).defineRm },
  {
    name: 'ssh',
    summary: 'Log in to an instance, or run a command there',
    load: async () => (await import('./command/ssh.ts')).defineSsh,
  },
  {
    name: 'dial',
    summary: 'Connect to a port of an instance',
    isHidden: true,
    load: async () => (await import('./command/dial.ts')).defineDial,
  },
  {
    name: 'console',
    summary: 'Show or use the serial console',
    load: async () => (await import('./command/console.ts')).defineConsole,
  },
  {
    name: 'cp',
    summary: 'Copy files from and to instances',
    load: async () => (await import('./command/cp.ts')).defineCp,
  },
  {
    name: 'tunnel',
    summary: 'Reach ports of an instance at this host',
    load: async () => (await import('./command/tunnel.ts')).defineTunnel,
  },
  {
    name: 'socks',
    summary: 'Reach all of a VPC by a SOCKS proxy at this host',
    load: async () => (await import('./command/socks.ts')).defineSocks,
  },
  {
    name: 'ssh-config',
    summary: 'Print settings for ssh, rsync and Ansible',
    load: async () => (await import('./command/ssh-config.ts')).defineSshConfig,
  },
  {
    name: 'dns',
    summary: 'List names of instances for this host, and manage private zones',
    load: async () => (await import('./command/dns.ts')).defineDns,
  },
  {
    name: 'logs',
    summary: 'Show what a console or the daemon has printed',
    load: async () => (await import('./command/logs.ts')).defineLogs,
  },
  {
    name: 'events',
    summary: 'Show what happens',
    load: async () => (await import('./command/events.ts')).defineEvents,
  },
  {
    name: 'net',
    summary: 'Show which packets get through',
    load: async () => (await import('./command/net.ts')).defineNet,
  },
  {
    name: 'flow-logs',
    summary: 'List flow logs, or show what passes network interfaces',
    load: async () => (await import('./command/flow-logs.ts')).defineFlowLogs,
  },
  {
    name: 'metadata',
    summary: 'Print what verifies identity documents',
    load: async () => (await import('./command/metadata.ts')).defineMetadata,
  },
  {
    name: 'completion',
    summary: 'Print completions for a shell',
    load: async () => (await import('./command/completion.ts')).defineCompletion,
  },
  {
    name: 'complete',
    summary: 'Complete a command line',
    isHidden: true,
    load: async () => (await import('./command/complete.ts')).defineComplete,
  },
  {
    name: 'fault',
    summary: 'Let something go wrong, to see how servers take it',
    load: async () => (await import('./command/fault.ts')).defineFault,
  },
  { name: 'key', summary: 'Manage key pairs', load: async () => (await import('./command/key.ts')).defineKey },
  { name: 'sg', summary: 'Manage security groups', load: async () => (await import('./command/sg.ts')).defineSg },
  { name: 'type', summary: 'List instance types', load: async () => (await import('./command/type.ts')).defineType },
  {
    name: 'plan',
    summary: 'Show what `up` would change in a lab',
    load: async () => (await import('./command/plan.ts')).definePlan,
  },
  {
    name: 'up',
    summary: 'Bring a lab to what its manifest says',
    load: async () => (await import('./command/up.ts')).defineUp,
  },
  {
    name: 'down',
    summary: 'Delete everything that a lab has made',
    load: async () => (await import('./command/down.ts')).defineDown,
  },
  { name: 'ps', summary: 'List the instances of a lab', load: async () => (await import('./command/ps.ts')).definePs },
]
