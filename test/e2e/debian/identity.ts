import type { Servers } from '../servers.ts'

const metadata = 'http://169.254.169.254/latest'
const token = `$(curl -s -X PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 60" ${metadata}/api/token)`

/** What makes a Debian one of its own, as it tells it itself: names and secrets, in which no two may agree, one line each. */
const questions = {
  machineId: 'cat /etc/machine-id',
  bootId: 'cat /proc/sys/kernel/random/boot_id',
  hostname: 'hostname',
  writtenHostname: 'cat /etc/hostname',
  mac: "ip -o link show | awk '/ether/ { print $17 }'",
  address: "ip -4 -o addr show scope global | awk '{ print $4 }'",
  hostKey: 'cut -d " " -f 2 /etc/ssh/ssh_host_ed25519_key.pub',
  random: 'head -c 16 /dev/urandom | md5sum',
  knownInstanceId: 'cat /var/lib/cloud/data/instance-id',
  userDataRuns: 'cat /var/lib/user-data-runs',
  toldInstanceId: `curl -s -H "X-aws-ec2-metadata-token: ${token}" ${metadata}/meta-data/instance-id; echo`,
} as const

export type Identity = Record<keyof typeof questions, string>

export const identityNames = Object.keys(questions) as (keyof Identity)[]

/** Throws where something is told by no line, or by several: user data that has run twice would be. */
export async function readIdentity(servers: Servers, id: string): Promise<Identity> {
  const lines = (await servers.run(id, Object.values(questions).join('; '))).trim().split('\n')
  if (lines.length !== identityNames.length) throw new Error(`${id} tells of itself: ${lines.join(', ')}`)
  return Object.fromEntries(identityNames.map((name, index) => [name, lines[index]])) as Identity
}
