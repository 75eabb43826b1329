import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { provideImage } from './images.ts'
import { type Lab, openLab, until } from './lab.ts'
import { createRandom } from './random.ts'

const isRoot = process.getuid?.() === 0

/** Namespaces in the place of a host's, with a bridge that a DHCP server of the LAN listens on. */
let host: ChildProcess
let dnsmasq: ChildProcess
let leases: string
let inHost: readonly string[]
let lab: Lab
let imageId: string

/** As `kiln describe -o json` tells it. */
interface Described {
  readonly Instance: { readonly InstanceId: string; readonly State: { readonly Name: string } }
  readonly Detail: {
    readonly Bridges?: readonly {
      readonly Bridge: string
      readonly MacAddress: string
      readonly Addresses: readonly string[]
    }[]
  }
}

async function run(...argv: readonly string[]): Promise<string> {
  return (await execa(inHost[0] ?? '', [...inHost.slice(1), ...argv])).stdout
}

async function describeServer(name: string): Promise<Described> {
  const { stdout, stderr } = await lab.kiln('describe', name, '-o', 'json')
  return JSON.parse(stdout || `{"problem":${JSON.stringify(stderr)}}`) as Described
}

async function bridgesOf(name: string) {
  return (await describeServer(name)).Detail.Bridges
}

async function portsOfBridge(): Promise<string[]> {
  const links = JSON.parse(await run('ip', '-j', 'link', 'show', 'master', 'br0')) as { ifname: string }[]
  return links.map(({ ifname }) => ifname)
}

/** What sshd says to whoever comes by the LAN. */
async function greetingAt(address: string): Promise<string> {
  const script = `const s = require('net').connect({ host: '${address}', port: 22, timeout: 5000 })
    s.on('data', (data) => { console.log(String(data).trim()); process.exit() })
    s.on('timeout', () => { console.log('silent'); process.exit() })
    s.on('error', (error) => { console.log(error.code); process.exit() })`
  return await run(process.execPath, '-e', script)
}

async function waitForAddress(name: string): Promise<string> {
  await until(async () => ((await bridgesOf(name))?.[0]?.Addresses.length ?? 0) > 0)
  return (await bridgesOf(name))?.[0]?.Addresses[0] ?? ''
}

// Bridges are root's alone.
describe.runIf(isRoot)('on a bridge of the host', () => {
  beforeAll(async () => {
    const keep = 'mount -t sysfs sysfs /sys && ip link set lo up && echo ready && exec tail -f /dev/null'
    host = spawn('unshare', ['--net', '--mount', 'sh', '-c', keep], { stdio: ['ignore', 'pipe', 'inherit'] })
    if (host.stdout) await once(host.stdout, 'data')
    inHost = ['nsenter', '-t', String(host.pid), '-n', '-m', '--']
    await run('ip', 'link', 'add', 'br0', 'type', 'bridge')
    await run('ip', 'addr', 'add', '192.168.77.1/24', 'dev', 'br0')
    await run('ip', 'link', 'set', 'br0', 'up')
    leases = await mkdtemp('/tmp/lan-')
    const options = ['--keep-in-foreground', '--conf-file=/dev/null', '--port=0', '--interface=br0', '--bind-dynamic']
    const files = [`--dhcp-leasefile=${join(leases, 'leases')}`, `--pid-file=${join(leases, 'pid')}`]
    const argv = [...inHost, 'dnsmasq', ...options, ...files, '--dhcp-range=192.168.77.100,192.168.77.150,1h']
    dnsmasq = spawn(argv[0] ?? '', argv.slice(1), { stdio: 'ignore' })
    lab = await openLab(undefined, { bridges: ['br0'], runBy: inHost })
    await lab.startDaemon()
    imageId = await provideImage(lab, 'nano')
  })

  afterAll(async () => {
    dnsmasq.kill('SIGKILL')
    host.kill('SIGKILL')
    await rm(leases, { recursive: true, force: true })
  })

  test('a bridge that may not be used, or is not there, is refused, and nothing is launched', async () => {
    const refused = await lab.kiln('run', 'nano', '--name', 'web', '--bridge', 'br7')
    expect(refused.exitCode).not.toBe(0)
    expect(refused.stderr).toContain('br7 may not be used: network.bridges in config.yaml names br0')
    await run('ip', 'link', 'set', 'br0', 'name', 'br1')
    const absent = await lab.kiln('run', 'nano', '--name', 'web', '--bridge', 'br0')
    await run('ip', 'link', 'set', 'br1', 'name', 'br0')
    expect(absent.stderr).toContain('This host has no bridge br0')
    expect((await lab.call('DescribeInstances', {})).Reservations).toEqual([])
  })

  test('a server takes an address from the DHCP server of the LAN, and is reached there past its groups', async () => {
    // No rule of this group lets anybody in.
    const { GroupId = '' } = await lab.call('CreateSecurityGroup', { GroupName: 'shut', Description: 'nobody' })
    const { Instances = [] } = await lab.call('RunInstances', {
      ImageId: imageId,
      InstanceType: 't2.nano',
      MinCount: 1,
      MaxCount: 1,
      SecurityGroupIds: [GroupId],
      TagSpecifications: [
        {
          ResourceType: 'instance',
          Tags: [
            { Key: 'Name', Value: 'web' },
            { Key: 'kiln:bridge', Value: 'br0' },
          ],
        },
      ],
    })
    const address = await waitForAddress('web')
    expect(address).toMatch(/^192\.168\.77\.1[0-5]\d$/)
    await until(async () => (await greetingAt(address)).startsWith('SSH-2.0'))
    expect((await describeServer('web')).Instance.InstanceId).toBe(Instances[0]?.InstanceId)
    expect(await portsOfBridge()).toHaveLength(1)
    const told = await lab.kiln('describe', 'web')
    expect(told.stdout).toMatch(/Bridge br0 +52:4b:[0-9a-f:]{11}, 192\.168\.77\./)
  })

  test('it stays there when the daemon is killed, under the same MAC and address', async () => {
    const [before] = (await bridgesOf('web')) ?? []
    await lab.killDaemon()
    expect(await greetingAt(before?.Addresses[0] ?? '')).toMatch(/^SSH-2\.0/)
    await lab.startDaemon()
    expect(await greetingAt(before?.Addresses[0] ?? '')).toMatch(/^SSH-2\.0/)
    expect((await bridgesOf('web'))?.[0]).toEqual(before)
  })

  test('a stopped server has no port, and gets the same address when it is started', async () => {
    const [before] = (await bridgesOf('web')) ?? []
    await lab.kiln('stop', 'web')
    await until(async () => (await describeServer('web')).Instance.State.Name === 'stopped')
    await until(async () => (await portsOfBridge()).length === 0)
    const { InstanceId } = (await describeServer('web')).Instance
    const elsewhere = { Resources: [InstanceId], Tags: [{ Key: 'kiln:bridge', Value: 'br7' }] }
    await expect(lab.call('CreateTags', elsewhere)).rejects.toThrow('br7 may not be used')
    await run('ip', 'link', 'set', 'br0', 'name', 'br1')
    expect((await lab.kiln('start', 'web')).stderr).toContain('This host has no bridge br0')
    await run('ip', 'link', 'set', 'br1', 'name', 'br0')
    await lab.kiln('start', 'web')
    const address = await waitForAddress('web')
    expect({ ...(await bridgesOf('web'))?.[0] }).toEqual({ ...before, Addresses: [address] })
    expect(address).toBe(before?.Addresses[0])
  })

  test('each change of ports, broken off by the death of the daemon, comes to what is recorded', async () => {
    const random = createRandom(process.env['KILN_TEST_SEED'])
    console.log(`the moments come from KILN_TEST_SEED=${random.seed}`)
    const crashWithin = async (change: Promise<unknown>) => {
      // That it is broken off is what this is about.
      const ended = change.catch(() => undefined)
      await random.sleep(0, 500)
      await lab.killDaemon()
      await ended
      await lab.startDaemon()
    }
    const countServers = async () => {
      const states = ['pending', 'running', 'shutting-down', 'stopping']
      const { Reservations: found = [] } = await lab.call('DescribeInstances', {
        Filters: [{ Name: 'instance-state-name', Values: states }],
      })
      const all = found.flatMap(({ Instances: instances = [] }) => instances)
      return { all: all.length, isSettled: all.every(({ State }) => State?.Name === 'running') }
    }
    const expectPorts = async () =>
      await until(async () => {
        const servers = await countServers()
        return servers.isSettled && (await portsOfBridge()).length === servers.all
      })
    const tags = [{ Key: 'kiln:bridge', Value: 'br0' }]
    const launch = async () =>
      await lab.call('RunInstances', {
        ImageId: imageId,
        InstanceType: 't2.nano',
        MinCount: 1,
        MaxCount: 1,
        TagSpecifications: [{ ResourceType: 'instance', Tags: tags }],
      })
    for (let round = 0; round < 3; round++) {
      await crashWithin(launch())
      await expectPorts()
    }
    const { InstanceId: id } = (await describeServer('web')).Instance
    await crashWithin(lab.call('StopInstances', { InstanceIds: [id], Force: true }))
    await expectPorts()
    await crashWithin(lab.call('TerminateInstances', { InstanceIds: [id] }))
    await expectPorts()
  })

  test('nothing of it is left when all has ended', async () => {
    expect(await lab.close()).toEqual([])
    expect(await portsOfBridge()).toEqual([])
  })
})
