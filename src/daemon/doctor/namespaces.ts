import { CommandError } from '../../host/process.ts'
import { type Check, type HostView, ok, problem, sysctlRemedy, type Verdict, warning } from './check.ts'

const toolTimeoutMs = 20_000
/** What a VPC is made of: a user namespace with its network in a user namespace of all VPCs. Root uses them too. */
const enterFresh = ['unshare', '--user', '--map-root-user', 'unshare', '--user', '--map-root-user', '--net'] as const

const sampleRuleset = `table ip kiln_doctor {
  set addresses { type ipv4_addr; elements = { 192.0.2.1 } }
  chain forward { type filter hook forward priority 0; policy drop; ct state established,related accept; ip saddr @addresses accept; }
}
`

/** Each thing that a VPC's network is made of, tried in a namespace of its own that goes away with the attempt. */
export function checkNamespaces(host: HostView): Check[] {
  return [
    {
      name: 'Namespaces',
      run: async () => {
        const failure = await tryInside(host, ['true'])
        return failure === undefined
          ? ok('a user and network namespace can be made')
          : await blameForNamespaces(host, failure)
      },
    },
    {
      name: 'Firewall',
      run: async () => {
        const failure = await tryInside(host, ['nft', '-f', '-'], sampleRuleset)
        if (failure === undefined) return ok('nftables takes rules in a namespace')
        return problem(
          `nftables refuses rules in a namespace: ${failure}`,
          'sudo modprobe nf_tables nft_ct; see also Namespaces.',
        )
      },
    },
    {
      name: 'Network interfaces',
      run: async () => {
        const commands = 'tuntap add name kiln0 mode tap\nlink add dhcp0 type bridge\n'
        const failure = await tryInside(host, ['ip', '-batch', '-'], commands)
        return failure === undefined
          ? ok('a tap and a bridge can be made in a namespace')
          : await blameForTap(host, failure)
      },
    },
    {
      name: 'Peering',
      run: async () => {
        const failure = await tryInside(host, ['ip', 'link', 'add', 'kiln1', 'type', 'veth', 'peer', 'name', 'kiln2'])
        if (failure === undefined) return ok('a wire between two VPCs can be made')
        return warning(
          `a wire between two VPCs cannot be made: ${failure}; all else of a VPC works`,
          'sudo modprobe veth; see also Namespaces.',
        )
      },
    },
  ]
}

/** Runs a program in a fresh namespace; answers what it complained of. */
async function tryInside(host: HostView, argv: readonly string[], input?: string): Promise<string | undefined> {
  const [program, ...rest] = enterFresh
  try {
    await host.processes.run({
      argv: [program, ...rest, ...argv],
      timeoutMs: toolTimeoutMs,
      ...(input === undefined ? {} : { input }),
    })
    return undefined
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    return error.stderrTail.split('\n').at(-1) || error.message
  }
}

/** The settings by which distributions and administrators take user namespaces away. */
async function blameForNamespaces(host: HostView, failure: string): Promise<Verdict> {
  const culprits = [
    { path: '/proc/sys/kernel/unprivileged_userns_clone', bad: '0', setting: 'kernel.unprivileged_userns_clone=1' },
    {
      path: '/proc/sys/kernel/apparmor_restrict_unprivileged_userns',
      bad: '1',
      setting: 'kernel.apparmor_restrict_unprivileged_userns=0',
    },
    { path: '/proc/sys/user/max_user_namespaces', bad: '0', setting: 'user.max_user_namespaces=15000' },
    { path: '/proc/sys/user/max_net_namespaces', bad: '0', setting: 'user.max_net_namespaces=15000' },
  ]
  for (const { path, bad, setting } of culprits) {
    if ((await host.readText(path))?.trim() !== bad) continue
    return problem(`${path} is ${bad}, which forbids namespaces (${failure})`, sysctlRemedy(setting))
  }
  if (await isContainer(host)) {
    return problem(
      `the container that this is forbids namespaces (${failure})`,
      'Start it with --privileged, or with --security-opt seccomp=unconfined --cap-add SYS_ADMIN --cap-add NET_ADMIN --device /dev/net/tun.',
    )
  }
  return problem(
    `a namespace cannot be made: ${failure}`,
    'The kernel needs CONFIG_USER_NS and CONFIG_NET_NS, and no security module may forbid them: see dmesg.',
  )
}

async function blameForTap(host: HostView, failure: string): Promise<Verdict> {
  const device = '/dev/net/tun'
  if (!(await host.isUsable(device, 'exists'))) {
    return problem(`there is no ${device}`, 'sudo modprobe tun; in a container: start it with --device /dev/net/tun.')
  }
  if (!(await host.isUsable(device, 'write'))) {
    return problem(`${device} may not be opened by ${host.userName}`, `sudo chmod 666 ${device} (its usual mode)`)
  }
  return problem(
    `a tap and a bridge cannot be made in a namespace: ${failure}`,
    'sudo modprobe tun bridge; see also Namespaces.',
  )
}

async function isContainer(host: HostView): Promise<boolean> {
  return (await host.isUsable('/.dockerenv', 'exists')) || (await host.isUsable('/run/.containerenv', 'exists'))
}
