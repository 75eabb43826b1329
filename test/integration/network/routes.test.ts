import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RouteNetwork, RouteTarget } from '../../../src/ec2/ports/route.ts'
import type {
  InterfaceNetwork,
  NatGatewayNetwork,
  SubnetNetwork,
  VpcNetwork,
} from '../../../src/ec2/ports/vpc-network.ts'
import { findProcesses } from '../../../src/host/process-table.ts'
import { natRuleset } from '../../../src/network/nat-ruleset.ts'
import {
  anywhere,
  type FakeGuest,
  group,
  networkInterface,
  openVpcLab,
  toInternet,
  until,
  vpc,
  type VpcLab,
} from './vpc-lab.ts'

/** Stands for a place on the internet: an address of the guest that plays pasta's part. */
const remote = '198.51.100.7'
const publicSubnet = { id: 'subnet-1', cidr: '172.31.0.0/20', routes: [toInternet] }

describe('the routes of a VPC', () => {
  let lab: VpcLab
  let client: FakeGuest
  let server: FakeGuest
  let router: FakeGuest
  /** In the private subnet, in the secondary block, and two in the public subnet, of which one may carry for others. */
  const clientInterface = guestInterface(5, { privateIp: '172.31.16.5', subnetId: 'subnet-2' })
  const serverInterface = guestInterface(6, { privateIp: '10.9.0.6', subnetId: 'subnet-3' })
  const routerInterface = guestInterface(7, { hasSourceDestCheck: false, groupIds: ['sg-router'] })
  const interfaces = [clientInterface, serverInterface, routerInterface]
  const gateway: NatGatewayNetwork = {
    id: 'nat-00000000000000009',
    subnetId: 'subnet-1',
    privateIp: '172.31.0.9',
    isPublic: true,
  }

  function guestInterface(number: number, changes: Partial<InterfaceNetwork>): InterfaceNetwork {
    return networkInterface(number, { groupIds: ['sg-1'], ...changes })
  }

  function to(destination: string, target: RouteTarget): RouteNetwork {
    return { destination, target }
  }

  /** The private subnet with those routes. */
  function wanted(routes: readonly RouteNetwork[], changes: Partial<VpcNetwork> = {}): VpcNetwork {
    const subnets: SubnetNetwork[] = [
      publicSubnet,
      { id: 'subnet-2', cidr: '172.31.16.0/20', routes },
      { id: 'subnet-3', cidr: '10.9.0.0/24', routes: [] },
    ]
    return vpc({
      secondaryCidrs: ['10.9.0.0/16'],
      subnets,
      groups: [group('sg-1', [anywhere]), group('sg-router', [anywhere])],
      interfaces,
      ...changes,
    })
  }

  async function apply(network: VpcNetwork): Promise<void> {
    await lab.network().converge(network)
    expect(
      lab
        .network()
        .warnings()
        .filter((warning) => !warning.includes('way out')),
    ).toEqual([])
  }

  /** Whom a server says that it was asked by. */
  async function seenBy(guest: FakeGuest, host: string): Promise<string> {
    return await guest.evaluate<string>(`return await new Promise((resolve) => {
      const socket = require('net').connect({ host: '${host}', port: 9090, timeout: 1500 })
      socket.on('data', (data) => resolve(String(data))).on('timeout', () => resolve('silent')).on('error', (error) => resolve(error.code))
    })`)
  }

  /** Has a guest say over TCP at port 9090 who asks. */
  async function tellWhoAsks(guest: FakeGuest): Promise<void> {
    await guest.start(
      `require('net').createServer((s) => { s.on('error', () => {}); s.end(s.remoteAddress) }).listen(9090, '0.0.0.0', () => console.log('ready'))`,
    )
  }

  beforeAll(async () => {
    lab = await openVpcLab((_, response) => response.end('metadata'))
    await lab.network().converge(vpc())
    client = await lab.plug('vpc-1', clientInterface)
    server = await lab.plug('vpc-1', serverInterface, '10.9.0.1', 24)
    router = await lab.plug('vpc-1', routerInterface)
    await router.run('sysctl', '-qw', 'net.ipv4.ip_forward=1')
    // A place that is outside of the VPC, behind the guest that carries for others.
    await router.run('ip', 'addr', 'add', `${remote}/32`, 'dev', 'lo')
    await apply(wanted([]))
    await tellWhoAsks(server)
    await tellWhoAsks(router)
    await router.serve(8080)
  })
  afterAll(async () => {
    expect(await lab.close(['vpc-1'])).toEqual([])
  })

  test('blocks of a VPC are local to each other, the secondary ones too', async () => {
    await apply(wanted([]))
    expect(await seenBy(client, '10.9.0.6')).toBe('172.31.16.5')
    await apply(wanted([to('0.0.0.0/0', { kind: 'blackhole' })]))
    expect(await seenBy(client, '10.9.0.6')).toBe('172.31.16.5')
  })

  test('a guest that carries for others is the next hop to whatever is behind it', async () => {
    await apply(wanted([]))
    expect(await seenBy(client, remote)).not.toBe('172.31.16.5')
    await apply(wanted([to('198.51.100.0/24', { kind: 'interface', interfaceId: routerInterface.id })]))
    expect(await seenBy(client, remote)).toBe('172.31.16.5')
    // Another subnet has other routes.
    expect(await seenBy(server, remote)).not.toBe('10.9.0.6')
  })

  test('the most specific route counts, in whatever order they stand', async () => {
    const carried = to('198.51.100.0/24', { kind: 'interface', interfaceId: routerInterface.id })
    const narrower = to('198.51.100.0/28', { kind: 'blackhole' })
    for (const routes of [
      [carried, narrower, toInternet],
      [toInternet, narrower, carried],
    ]) {
      await apply(wanted(routes))
      expect(await seenBy(client, remote)).toBe('silent')
    }
    await apply(
      wanted([toInternet, to('198.51.100.0/28', carried.target), to('198.51.100.0/24', { kind: 'blackhole' })]),
    )
    expect(await seenBy(client, remote)).toBe('172.31.16.5')
    await apply(wanted([to('0.0.0.0/0', carried.target)]))
    expect(await seenBy(client, remote)).toBe('172.31.16.5')
    await apply(wanted([to('0.0.0.0/0', { kind: 'interface', interfaceId: 'eni-gone' })]))
    expect(await seenBy(client, remote)).toBe('silent')
  })

  test('with the source/destination check on an interface carries nothing for others', async () => {
    const routes = [to('198.51.100.0/24', { kind: 'interface', interfaceId: routerInterface.id })]
    const checked = { ...routerInterface, hasSourceDestCheck: true }
    await apply(wanted(routes, { interfaces: [clientInterface, serverInterface, checked] }))
    expect(await seenBy(client, remote)).toBe('silent')
    expect(await seenBy(client, routerInterface.privateIp)).toBe('172.31.16.5')
  })

  test('the groups of an interface hold for what it carries', async () => {
    const routes = [to('198.51.100.0/24', { kind: 'interface', interfaceId: routerInterface.id })]
    const narrow = group('sg-router', [{ protocol: 'tcp', fromPort: 22, toPort: 22, cidr: '0.0.0.0/0' }])
    await apply(wanted(routes, { groups: [group('sg-1', [anywhere]), narrow] }))
    expect(await seenBy(client, remote)).toBe('silent')
  })

  test('between two subnets a route to the very block of one leads by the router, both ways', async () => {
    const byRouter = (destination: string) => to(destination, { kind: 'interface', interfaceId: routerInterface.id })
    const both = wanted([byRouter('10.9.0.0/24')])
    const subnets = both.subnets.map((subnet) =>
      subnet.id === 'subnet-3' ? { ...subnet, routes: [byRouter('172.31.16.0/20')] } : subnet,
    )
    await apply({ ...both, subnets })
    const counted = async () =>
      Number(/"packets": (\d+)/.exec(await router.run('nft', '-j', 'list', 'counters'))?.[1] ?? 0)
    await router.run(
      'nft',
      'add table ip t; add counter ip t carried; add chain ip t f { type filter hook forward priority 0; }; add rule ip t f counter name carried',
    )
    expect(await seenBy(client, '10.9.0.6')).toBe('172.31.16.5')
    // At least a request and an answer of each step of the connection.
    expect(await counted()).toBeGreaterThan(5)
    await router.run('sysctl', '-qw', 'net.ipv4.ip_forward=0')
    expect(await seenBy(client, '10.9.0.6')).toBe('silent')
    await router.run('sysctl', '-qw', 'net.ipv4.ip_forward=1')
    // What the router itself sends goes straight on.
    expect(await seenBy(router, '10.9.0.6')).toBe('172.31.0.7')
  })

  describe('by a NAT gateway', () => {
    const byGateway = to('0.0.0.0/0', { kind: 'nat', natGatewayId: gateway.id })
    /** The gateway's own subnet leads on to the place behind the router. */
    const onward: RouteNetwork[] = [
      toInternet,
      to('198.51.100.0/24', { kind: 'interface', interfaceId: routerInterface.id }),
    ]

    function withGateway(routes: readonly RouteNetwork[] = onward, changes: Partial<VpcNetwork> = {}): VpcNetwork {
      const base = wanted([byGateway], { natGateways: [gateway], ...changes })
      return {
        ...base,
        subnets: base.subnets.map((subnet) => (subnet.id === 'subnet-1' ? { ...subnet, routes } : subnet)),
      }
    }

    async function gatewayHolder(): Promise<number | undefined> {
      const file = `${lab.networksDirectory}/vpc-1/${gateway.id}.holder`
      return (await findProcesses((argv) => argv.at(-1) === file))[0]?.pid
    }

    test('a guest of a private subnet is seen with the address of the gateway', async () => {
      await apply(withGateway())
      expect(await seenBy(client, remote)).toBe('172.31.0.9')
      expect(await seenBy(client, '10.9.0.6')).toBe('172.31.16.5')
    })

    test('the group of whom it talks to knows the gateway by its address', async () => {
      const from = (cidr: string) => [group('sg-1', [anywhere]), group('sg-router', [{ protocol: 'all', cidr }])]
      await apply(withGateway(onward, { groups: from('172.31.16.0/20') }))
      expect(await seenBy(client, remote)).toBe('silent')
      await apply(withGateway(onward, { groups: from('172.31.0.9/32') }))
      expect(await seenBy(client, remote)).toBe('172.31.0.9')
    })

    test('it answers nobody', async () => {
      await apply(withGateway())
      expect(await router.tcp('172.31.0.9', 9090)).toBe('silent')
    })

    test('it takes packets of 8500 bytes, and says so of a longer one', async () => {
      await apply(withGateway())
      expect(await client.toldMtu('198.51.100.8', 9001)).toBe(8500)
    })

    test('it forgets what is silent for 350 seconds, and resets what goes on all the same', async () => {
      const inGateway = async (argv: readonly string[], input = '') => {
        const pid = String(await gatewayHolder())
        return (await execa('nsenter', ['-t', pid, '-U', '-n', '--preserve-credentials', '--', ...argv], { input }))
          .stdout
      }
      const load = async (rules: string) => await inGateway(['nft', '-f', '-'], `delete table ip nat_gateway\n${rules}`)
      /** What the answer is to a byte on a connection that was silent for some seconds. */
      const goOnAfter = async (seconds: number) =>
        await client.evaluate<string>(`return await new Promise((resolve) => {
          const socket = require('net').connect(8080, '${remote}')
          socket.once('data', () => {
            socket.on('data', () => resolve('answered'))
            setTimeout(() => socket.write('x'), ${seconds * 1000})
          })
          socket.on('error', (error) => resolve(error.code))
        })`)
      await apply(withGateway())
      const [, seconds] =
        /established : (\w+)/.exec(await inGateway(['nft', 'list', 'table', 'ip', 'nat_gateway'])) ?? []
      expect(['350', '350s', '5m50s']).toContain(seconds)
      expect(await goOnAfter(5)).toBe('answered')
      await load(natRuleset(gateway.privateIp, 3))
      expect(await goOnAfter(5)).toBe('ECONNRESET')
      await load(natRuleset(gateway.privateIp))
    })

    test('it has the way out that its own subnet has', async () => {
      const lines = async () => await lab.inside('vpc-1', 'nft', 'list', 'set', 'inet', 'vpc', 'internet_senders')
      await apply(withGateway())
      expect(await lines()).toContain('"nat000000000009" . 172.31.0.9')
      await apply(withGateway([]))
      expect(await lines()).not.toContain('172.31.0.9')
      expect(await seenBy(client, remote)).toBe('silent')
      await apply(withGateway(onward, { natGateways: [{ ...gateway, isPublic: false }] }))
      expect(await lines()).not.toContain('172.31.0.9')
      expect(await seenBy(client, remote)).toBe('172.31.0.9')
    })

    test('the network ACL of its subnet holds for what comes to it and for what it sends', async () => {
      const all = { protocol: 'all', cidr: '0.0.0.0/0', isAllowed: true } as const
      const withAcl = (acl: SubnetNetwork['acl']) => {
        const base = withGateway()
        // The place beyond is in another subnet than the gateway: its packets cross the edge.
        return {
          ...base,
          natGateways: [{ ...gateway, subnetId: 'subnet-4', privateIp: '172.31.32.9' }],
          subnets: [
            ...base.subnets,
            { id: 'subnet-4', cidr: '172.31.32.0/20', routes: onward, ...(acl ? { acl } : {}) },
          ],
        }
      }
      await apply(withAcl({ ingress: [all], egress: [all] }))
      expect(await seenBy(client, remote)).toBe('172.31.32.9')
      await apply(withAcl({ ingress: [all], egress: [{ ...all, cidr: '172.31.0.0/16' }] }))
      expect(await seenBy(client, remote)).toBe('silent')
      await apply(withAcl({ ingress: [{ ...all, cidr: '172.31.0.0/16' }], egress: [all] }))
      expect(await seenBy(client, remote)).toBe('silent')
      await apply(withAcl({ ingress: [{ ...all, cidr: '172.31.16.5/32', isAllowed: false }, all], egress: [all] }))
      expect(await seenBy(client, remote)).toBe('silent')
    })

    test('it outlives the daemon, and one that dies is made anew', async () => {
      await apply(withGateway())
      const before = await gatewayHolder()
      await lab.restart(['vpc-1'])
      await apply(withGateway())
      expect(await gatewayHolder()).toBe(before)
      expect(await seenBy(client, remote)).toBe('172.31.0.9')
      process.kill(before ?? 0, 'SIGKILL')
      await until(async () => ![before, undefined].includes(await gatewayHolder()))
      await until(async () => (await seenBy(client, remote)) === '172.31.0.9')
    })

    test('it ends with its connections when nothing leads to it', async () => {
      await apply(withGateway())
      await apply(wanted([], { natGateways: [gateway] }))
      expect(await lab.inside('vpc-1', 'ip', '-br', 'link')).not.toContain('nat0')
      expect(await seenBy(client, remote)).toBe('silent')
    })
  })

  test('what a crash left of other tables goes, what is missing comes back, and without routes there is nothing of them', async () => {
    const routes = [to('198.51.100.0/24', { kind: 'interface', interfaceId: routerInterface.id })]
    await apply(wanted(routes))
    const rules = async () =>
      (await lab.inside('vpc-1', 'ip', 'rule')).split('\n').filter((line) => line.includes('fwmark'))
    expect(await rules()).toHaveLength(1)
    await lab.inside('vpc-1', 'ip', 'rule', 'del', 'priority', '1000')
    await lab.inside('vpc-1', 'ip', 'rule', 'add', 'fwmark', '77', 'lookup', '77', 'priority', '1000')
    await lab.inside('vpc-1', 'ip', 'route', 'add', 'default', 'dev', 'lo', 'table', '77')
    await lab.restart(['vpc-1'])
    await apply(wanted(routes))
    expect(await rules()).toHaveLength(1)
    expect(await seenBy(client, remote)).toBe('172.31.16.5')
    expect(await lab.inside('vpc-1', 'ip', 'route', 'show', 'table', 'all')).not.toContain('table 77')
    await apply(wanted([]))
    expect(await rules()).toEqual([])
    expect(await lab.inside('vpc-1', 'ip', 'route', 'show', 'table', 'all')).not.toMatch(/table \d/)
  })
})
