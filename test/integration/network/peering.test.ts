import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fsExtra from 'fs-extra'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { FlowReading } from '../../../src/ec2/ports/flow-count.ts'
import type { FirewallGroup } from '../../../src/ec2/ports/firewall.ts'
import type { RouteNetwork } from '../../../src/ec2/ports/route.ts'
import type { InterfaceNetwork, PeeringNetwork, VpcNetwork } from '../../../src/ec2/ports/vpc-network.ts'
import { analysePath } from '../../../src/ec2/reachability/analyse-path.ts'
import { findProcesses } from '../../../src/host/process-table.ts'
import {
  anywhere,
  anywhereByIpv6,
  type FakeGuest,
  group,
  networkInterface,
  openVpcLab,
  until,
  vpc,
  type VpcLab,
} from './vpc-lab.ts'

/** Three VPCs: the first is peered with the second and the third, which have the same blocks as far as the first does not name them. */
const ids = ['vpc-1', 'vpc-2', 'vpc-3'] as const
type VpcId = (typeof ids)[number]
const cidrs: Record<VpcId, string> = { 'vpc-1': '10.1.0.0/16', 'vpc-2': '10.2.0.0/16', 'vpc-3': '10.3.0.0/16' }
const wireOf = { '1-2': 'pcx-00000000000000012', '1-3': 'pcx-00000000000000013' } as const

describe('peered VPCs', () => {
  let lab: VpcLab
  let readings: FlowReading[] = []
  const guests = {} as Record<VpcId, FakeGuest>

  function numberOf(id: VpcId): number {
    return ids.indexOf(id) + 1
  }

  function addressOf(id: VpcId): string {
    return `10.${numberOf(id)}.0.5`
  }

  function interfaceOf(id: VpcId): InterfaceNetwork {
    const number = numberOf(id)
    return networkInterface(number, { privateIp: addressOf(id), groupIds: [`sg-${number}`] })
  }

  function peering(from: VpcId, to: VpcId, changes: Partial<PeeringNetwork> = {}): PeeringNetwork {
    const wire = [numberOf(from), numberOf(to)].toSorted((a, b) => a - b).join('-') as keyof typeof wireOf
    // The third is in another region.
    const isInterRegion = from === 'vpc-3' || to === 'vpc-3'
    return { id: wireOf[wire], peerVpcId: to, isInterRegion, cidrs: [cidrs[to]], groups: [], ...changes }
  }

  function over(connection: PeeringNetwork, destination = connection.cidrs[0] ?? ''): RouteNetwork {
    return { destination, target: { kind: 'peering', peeringConnectionId: connection.id } }
  }

  function network(
    id: VpcId,
    peerings: readonly PeeringNetwork[],
    changes: Partial<VpcNetwork> & { routes?: readonly RouteNetwork[]; rules?: FirewallGroup } = {},
  ): VpcNetwork {
    const { routes = peerings.map((connection) => over(connection)), rules, ...more } = changes
    return vpc({
      id,
      cidr: cidrs[id],
      subnets: [{ id: 'subnet-1', cidr: `10.${numberOf(id)}.0.0/20`, routes }],
      groups: [rules ?? group(`sg-${numberOf(id)}`, [anywhere])],
      interfaces: [interfaceOf(id)],
      peerings,
      ...more,
    })
  }

  const star = {
    'vpc-1': network('vpc-1', [peering('vpc-1', 'vpc-2'), peering('vpc-1', 'vpc-3')]),
    'vpc-2': network('vpc-2', [peering('vpc-2', 'vpc-1')]),
    'vpc-3': network('vpc-3', [peering('vpc-3', 'vpc-1')]),
  }

  async function apply(...networks: readonly VpcNetwork[]): Promise<void> {
    await Promise.all(networks.map(async (wanted) => await lab.network().converge(wanted)))
  }

  async function ask(from: VpcId, to: VpcId, port = 8080): Promise<string> {
    return await guests[from].tcp(addressOf(to), port)
  }

  async function awaitAnswer(from: VpcId, to: VpcId, answer: string): Promise<void> {
    await until(async () => (await ask(from, to)) === answer)
  }

  async function wires(id: VpcId): Promise<string[]> {
    return (await lab.inside(id, 'ip', '-br', 'link')).match(/^pcx\w+/gm) ?? []
  }

  beforeAll(async () => {
    lab = await openVpcLab((_, response) => response.end('metadata'), {
      onFlowReading: (reading) => readings.push(reading),
    })
    for (const id of ids) {
      await lab.network().converge(network(id, [], { interfaces: [] }))
      guests[id] = await lab.plug(id, interfaceOf(id), `10.${numberOf(id)}.0.1`)
    }
    await apply(...Object.values(star))
    await Promise.all(Object.values(guests).map(async (guest) => await guest.serve(8080)))
  })
  afterAll(async () => {
    expect(await lab.close(ids)).toEqual([])
  })

  test('reach each other over their connection, and nobody through a VPC in between', async () => {
    await awaitAnswer('vpc-1', 'vpc-2', 'open')
    await awaitAnswer('vpc-3', 'vpc-1', 'open')
    expect(await ask('vpc-2', 'vpc-1')).toBe('open')
    const through = network('vpc-2', [peering('vpc-2', 'vpc-1')], {
      routes: [over(peering('vpc-2', 'vpc-1')), over(peering('vpc-2', 'vpc-1'), cidrs['vpc-3'])],
    })
    await apply(through)
    expect(await ask('vpc-2', 'vpc-3')).toBe('silent')
    // Nor does a default route lead on to what the peer has.
    await apply(
      network('vpc-2', [peering('vpc-2', 'vpc-1')], { routes: [over(peering('vpc-2', 'vpc-1'), '0.0.0.0/0')] }),
    )
    expect(await ask('vpc-2', 'vpc-1')).toBe('open')
    expect(await guests['vpc-2'].tcp('198.51.100.1', 80)).toBe('silent')
    expect(await guests['vpc-2'].tcp('10.1.0.1', 53)).toBe('silent')
    await apply(star['vpc-2'])
    expect(
      lab
        .network()
        .warnings()
        .filter((warning) => warning.includes('pcx')),
    ).toEqual([])
  })

  test('the analysis of a path says what packets do', async () => {
    const two = peering('vpc-2', 'vpc-1')
    const second = (changes: Parameters<typeof network>[2]) => network('vpc-2', [two], changes)
    const fromFirst = group('sg-2', [{ protocol: 'tcp', groupId: 'sg-1' }])
    const named = (address: string) => [{ ...two, groups: [{ id: 'sg-1', addresses: [address] }] }]
    const refusing = { ingress: [], egress: [{ ...anywhere, isAllowed: true }] }
    const subnet = { id: 'subnet-1', cidr: '10.2.0.0/20', routes: [over(two)] }
    const outcomes: string[] = []
    for (const other of [
      star['vpc-2'],
      second({ routes: [] }),
      second({ rules: group('sg-2', []) }),
      second({ rules: fromFirst, peerings: named(addressOf('vpc-1')) }),
      second({ rules: fromFirst, peerings: named('10.1.0.99') }),
      second({ subnets: [{ ...subnet, acl: refusing }] }),
    ]) {
      const networks: Record<VpcId, VpcNetwork> = { ...star, 'vpc-2': other }
      await apply(...Object.values(networks))
      for (const [from, to] of [
        ['vpc-1', 'vpc-2'],
        ['vpc-2', 'vpc-1'],
        ['vpc-3', 'vpc-1'],
        ['vpc-2', 'vpc-3'],
      ] as const) {
        const { isFound } = analysePath(
          networks[from],
          {
            protocol: 'tcp',
            port: 8080,
            source: { kind: 'interface', owner: interfaceOf(from) },
            destination: { kind: 'outside', address: addressOf(to) },
          },
          { peerOf: (id) => networks[id as VpcId] },
        )
        // A wire may take a moment to be there.
        if (isFound) await awaitAnswer(from, to, 'open')
        else expect(await ask(from, to)).not.toBe('open')
        outcomes.push(isFound ? 'open' : 'closed')
      }
    }
    expect(outcomes.filter((outcome) => outcome === 'open')).toHaveLength(12)
    await apply(star['vpc-2'])
  })

  test('reach each other by IPv6 where both have blocks of it and routes to them', async () => {
    const ipv6Of = (id: VpcId) => ({
      cidr: `fd12:${numberOf(id)}::/56`,
      subnet: `fd12:${numberOf(id)}::/64`,
      address: `fd12:${numberOf(id)}::5`,
    })
    const dual = (id: VpcId, to: VpcId) => {
      const connection = peering(id, to, { cidrs: [cidrs[to], ipv6Of(to).cidr] })
      const routes = [over(connection), over(connection, ipv6Of(to).cidr)]
      const everything = [anywhere, anywhereByIpv6]
      return network(id, [connection], {
        ipv6Cidrs: [ipv6Of(id).cidr],
        subnets: [{ id: 'subnet-1', cidr: `10.${numberOf(id)}.0.0/20`, ipv6Cidr: ipv6Of(id).subnet, routes }],
        groups: [group(`sg-${numberOf(id)}`, everything, everything)],
        interfaces: [{ ...interfaceOf(id), ipv6Addresses: [{ address: ipv6Of(id).address, names: [] }] }],
      })
    }
    await apply(dual('vpc-1', 'vpc-2'), dual('vpc-2', 'vpc-1'))
    for (const id of ['vpc-1', 'vpc-2'] as const) {
      await guests[id].run('ip', '-6', 'addr', 'add', `${ipv6Of(id).address}/128`, 'dev', 'eth0', 'nodad')
      await until(async () => (await guests[id].run('ip', '-6', 'route', 'show', 'default')) !== '')
    }
    const askByIpv6 = async () => await guests['vpc-1'].tcp(ipv6Of('vpc-2').address, 8080)
    await until(async () => (await askByIpv6()) === 'open')
    // Whose blocks are taken away carries no IPv6 any more.
    await apply(...Object.values(star))
    await until(async () => (await askByIpv6()) !== 'open')
    await awaitAnswer('vpc-1', 'vpc-2', 'open')
  })

  test('have what crosses a wire in the flow logs of both ends, and a refusal where it was', async () => {
    // Of its own: connections of other tests may still have something to say.
    const port = 8090
    await guests['vpc-2'].serve(port)
    const knock = async () => await guests['vpc-1'].tcp(interfaceOf('vpc-2').privateIp, port)
    const counted = (id: VpcId) => ({ ...star[id], interfaces: [{ ...interfaceOf(id), isCounted: true }] })
    await apply(counted('vpc-1'), { ...counted('vpc-2'), groups: [group('sg-2', [{ ...anywhere, protocol: 'icmp' }])] })
    await until(async () => {
      const tables = await Promise.all(
        (['vpc-1', 'vpc-2'] as const).map(async (id) => await lab.inside(id, 'nft', 'list', 'tables')),
      )
      return tables.every((text) => text.includes('flows_'))
    })
    expect(await knock()).toBe('silent')
    await apply(counted('vpc-2'))
    await until(async () => (await knock()) === 'open')
    await lab.network().readFlows()
    const [first, second] = (['vpc-1', 'vpc-2'] as const).map((id) =>
      readings
        .filter(({ vpcId }) => vpcId === id)
        .flatMap(({ flows }) => flows)
        .filter(({ sourcePort, destinationPort }) => [sourcePort, destinationPort].includes(port))
        .map(({ isEntering, isAccepted, source, destination, destinationPort }) =>
          [
            isEntering ? 'in' : 'out',
            isAccepted ? 'ACCEPT' : 'REJECT',
            `${source} > ${destination}`,
            ...(destinationPort === port ? [port] : []),
          ].join(' '),
        ),
    )
    expect([...new Set(first)].sort()).toEqual(['in ACCEPT 10.2.0.5 > 10.1.0.5', 'out ACCEPT 10.1.0.5 > 10.2.0.5 8090'])
    expect([...new Set(second)].sort()).toEqual([
      'in ACCEPT 10.1.0.5 > 10.2.0.5 8090',
      'in REJECT 10.1.0.5 > 10.2.0.5 8090',
      'out ACCEPT 10.2.0.5 > 10.1.0.5',
    ])
    readings = []
    await apply(star['vpc-1'], star['vpc-2'])
  })

  test('carry packets of 9001 bytes to a VPC of the same region, of 8500 to another region', async () => {
    const { 'vpc-1': first, 'vpc-2': second } = guests
    const near = async () => await first.toldMtu(addressOf('vpc-2'), 9001)
    expect(await second.receivedBytes(9, near)).toBe(9001)
    expect(await first.toldMtu(addressOf('vpc-3'), 9001)).toBe(8500)
  })

  test('send nothing in a circle, whatever their routes say', async () => {
    const elsewhere = '10.9.0.0/16'
    const circular = (id: VpcId, to: VpcId) =>
      network(id, [peering(id, to)], { routes: [over(peering(id, to)), over(peering(id, to), elsewhere)] })
    await apply(circular('vpc-1', 'vpc-2'), circular('vpc-2', 'vpc-1'))
    await awaitAnswer('vpc-1', 'vpc-2', 'open')
    const sent = async () =>
      Number((await lab.inside('vpc-1', 'cat', '/proc/net/dev')).match(/pcx\w+12:\s*(?:\d+\s+){9}(\d+)/)?.[1])
    const before = await sent()
    expect(before).toBeGreaterThan(0)
    expect(await guests['vpc-1'].tcp('10.9.0.1', 80)).toBe('silent')
    expect(await sent()).toBe(before)
    await apply(star['vpc-1'], star['vpc-2'])
  })

  test('need a route back', async () => {
    await apply(network('vpc-2', [peering('vpc-2', 'vpc-1')], { routes: [] }))
    expect(await ask('vpc-1', 'vpc-2')).toBe('silent')
    await apply(star['vpc-2'])
    await awaitAnswer('vpc-1', 'vpc-2', 'open')
  })

  test('say by their groups what passes, of peers’ groups by their members as they are now', async () => {
    const only = (addresses: readonly string[]) =>
      network('vpc-2', [peering('vpc-2', 'vpc-1', { groups: [{ id: 'sg-1', addresses }] })], {
        rules: group('sg-2', [{ protocol: 'tcp', fromPort: 8080, toPort: 8080, groupId: 'sg-1' }]),
      })
    await apply(only([addressOf('vpc-1')]))
    expect(await ask('vpc-1', 'vpc-2')).toBe('open')
    await apply(only([]))
    expect(await ask('vpc-1', 'vpc-2')).toBe('silent')
    const outward = (addresses: readonly string[]) =>
      network(
        'vpc-1',
        [peering('vpc-1', 'vpc-2', { groups: [{ id: 'sg-2', addresses }] }), peering('vpc-1', 'vpc-3')],
        {
          rules: group('sg-1', [anywhere], [{ protocol: 'tcp', groupId: 'sg-2' }]),
        },
      )
    await apply(star['vpc-2'], outward([addressOf('vpc-2')]))
    expect([await ask('vpc-1', 'vpc-2'), await ask('vpc-1', 'vpc-3')]).toEqual(['open', 'silent'])
    await apply(outward([]))
    expect(await ask('vpc-1', 'vpc-2')).toBe('silent')
    await apply(star['vpc-1'])
  })

  test('have network ACLs at their subnets’ edges for what comes over a wire', async () => {
    const all = { protocol: 'all', cidr: '0.0.0.0/0' } as const
    const acl = { ingress: [{ ...all, cidr: '10.3.0.0/16', isAllowed: true }], egress: [{ ...all, isAllowed: true }] }
    const routes = star['vpc-1'].subnets[0]?.routes ?? []
    await apply({ ...star['vpc-1'], subnets: [{ id: 'subnet-1', cidr: '10.1.0.0/20', routes, acl }] })
    expect([await ask('vpc-2', 'vpc-1'), await ask('vpc-3', 'vpc-1')]).toEqual(['silent', 'open'])
    await apply(star['vpc-1'])
  })

  test('hear nothing from forged addresses, whoever is allowed to carry for others', async () => {
    const carrier = { ...interfaceOf('vpc-2'), hasSourceDestCheck: false }
    await apply({ ...star['vpc-2'], interfaces: [carrier] })
    const forge = async (source: string) => {
      await guests['vpc-2'].run('ip', 'addr', 'replace', `${source}/32`, 'dev', 'lo')
      const arrivals = guests['vpc-1'].run(
        ...['timeout', '3', 'sh', '-c'],
        `until ss -Htan state syn-recv | grep -qF '${source}]'; do sleep 0.05; done; echo came`,
      )
      guests['vpc-2']
        .evaluate(
          `const socket = require('net').connect({ host: '${addressOf('vpc-1')}', port: 8080, localAddress: '${source}', timeout: 2500 }).on('error', () => {})
           await new Promise((resolve) => socket.on('timeout', resolve).on('connect', resolve))`,
        )
        .catch(() => undefined)
      return await arrivals.catch(() => 'nothing')
    }
    // One of its own VPC's comes, as a guest's behind it would.
    expect(await forge('10.2.0.99')).toBe('came')
    // Another network's, another peer's, the VPC's that is asked.
    for (const source of ['192.0.2.1', '10.3.0.5', '10.1.0.99'])
      expect([source, await forge(source)]).toEqual([source, 'nothing'])
    await apply(star['vpc-2'])
  })

  test('have the wire for as long as both want it and a route leads over it', async () => {
    expect(await wires('vpc-1')).toHaveLength(2)
    await apply(network('vpc-2', []))
    expect(await wires('vpc-2')).toEqual([])
    expect(await wires('vpc-1')).toHaveLength(1)
    expect(await ask('vpc-1', 'vpc-2')).toBe('silent')
    await apply(star['vpc-2'])
    await awaitAnswer('vpc-1', 'vpc-2', 'open')
    // Neither leads a route over it.
    await apply(
      { ...star['vpc-1'], subnets: network('vpc-1', [], {}).subnets },
      network('vpc-2', [peering('vpc-2', 'vpc-1')], { routes: [] }),
    )
    await until(async () => (await wires('vpc-2')).length === 0)
    await apply(star['vpc-1'], star['vpc-2'])
    await awaitAnswer('vpc-1', 'vpc-2', 'open')
  })

  test('keep their connections over a restart of the daemon, and get back a wire that went', async () => {
    const standing = guests['vpc-1'].evaluate<string>(`return await new Promise((resolve) => {
      const socket = require('net').connect(8080, '${addressOf('vpc-2')}')
      socket.on('error', (error) => resolve(error.code)).on('close', () => resolve('closed'))
      require('fs').watchFile('${lab.networksDirectory}/vpc-1/go-on', { interval: 20 }, ({ size }) => size > 0 && socket.write('and now?'))
      let text = ''
      socket.on('data', (data) => { text += data; if (text.endsWith('and now?')) resolve(text) })
    })`)
    await until(
      async () => (await guests['vpc-2'].run('ss', '-Htn', 'state', 'established', 'sport', '=', ':8080')) !== '',
    )
    const index = await lab.inside('vpc-1', 'ip', '-o', 'link', 'show', 'pcx000000000012')
    await lab.restart(ids)
    for (const id of ids) await lab.network().converge(star[id])
    expect(await lab.inside('vpc-1', 'ip', '-o', 'link', 'show', 'pcx000000000012')).toBe(index)
    await writeFile(join(lab.networksDirectory, 'vpc-1/go-on'), 'now')
    expect(await standing).toBe('hello\nand now?')
    await lab.inside('vpc-2', 'ip', 'link', 'del', 'pcx000000000012')
    await awaitAnswer('vpc-1', 'vpc-2', 'open')
  })

  test('are cut off when the other has no network any more, and joined again when it has', async () => {
    await lab.network().remove('vpc-3')
    await until(async () => (await wires('vpc-1')).length === 1)
    expect(await guests['vpc-1'].tcp('10.3.0.5', 8080)).toBe('silent')
    await lab.network().converge(network('vpc-3', [], { interfaces: [] }))
    guests['vpc-3'] = await lab.plug('vpc-3', interfaceOf('vpc-3'), '10.3.0.1')
    await guests['vpc-3'].serve(8080)
    await apply(star['vpc-3'])
    await awaitAnswer('vpc-1', 'vpc-3', 'open')
  })

  test('of which an earlier version made one stay apart, which is told, and the others stay joined', async () => {
    await lab.network().remove('vpc-3')
    const path = join(lab.networksDirectory, 'vpc-3/holder')
    await fsExtra.outputFile(path, '')
    spawn('unshare', ['--user', '--map-root-user', '--net', 'tail', '-f', path], { stdio: 'ignore' })
    await until(async () => (await findProcesses((argv) => argv[0] === 'tail' && argv.includes(path))).length === 1)
    await lab.restart(ids)
    await apply(star['vpc-1'], star['vpc-2'], { ...star['vpc-3'], interfaces: [] })
    const told = () =>
      lab
        .network()
        .warnings()
        .filter((warning) => warning.includes('pcx'))
    await until(() => told().length > 0)
    expect(told()).toEqual([expect.stringMatching(/^pcx-00000000000000013 carries nothing: the network of vpc-3 /)])
    await awaitAnswer('vpc-1', 'vpc-2', 'open')
    // Its next network is as the others are.
    await lab.network().remove('vpc-3')
    await lab.network().converge({ ...star['vpc-3'], interfaces: [] })
    await until(async () => (await wires('vpc-3')).length === 1)
    expect(told()).toEqual([])
  })

  test('are what was asked for last, when the daemon is killed while connections come and go', async () => {
    for (let round = 0; round < 6; round++) {
      // Nobody waits: the next daemon finds whatever the kernel has by then.
      const changes = round % 2 === 0 ? [network('vpc-1', []), network('vpc-2', [])] : [star['vpc-1'], star['vpc-2']]
      for (const wanted of changes)
        lab
          .network()
          .converge(wanted)
          .catch(() => undefined)
      await lab.restart(ids)
    }
    await apply(network('vpc-1', []), network('vpc-2', []))
    expect([await wires('vpc-1'), await wires('vpc-2')]).toEqual([[], []])
    expect(await ask('vpc-1', 'vpc-2')).not.toBe('open')
    await apply(star['vpc-1'], star['vpc-2'])
    await awaitAnswer('vpc-1', 'vpc-2', 'open')
  })
})
