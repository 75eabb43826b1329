import type { ClosedNetworks } from '../ports/network.ts'
import type { InterfaceNetwork, PeeringNetwork, VpcNetwork } from '../ports/vpc-network.ts'
import { checkAcl, checkGroups, describePacket, obstacleOf } from './check.ts'
import { closedAt } from './closed-network.ts'
import type { ExplanationCode, Hop, Obstacle } from './hop.ts'
import { addressesOfInterface, hasAddress, isIpv6Packet, type Packet } from './packet.ts'
import { findOwner, findWay, localBlocksOf, type Place, placeOfInterface, type Way } from './way.ts'

/** A packet's way through a VPC. */
export interface Trace {
  readonly hops: readonly Hop[]
  readonly obstacles: readonly Obstacle[]
  /** Where it came to, whatever stood in its way; absent where it had no way at all. */
  readonly end?: Place
  /** As it arrives. */
  readonly packet: Packet
  /** NAT gateways that it passed, with the address that it had before. */
  readonly translations: readonly { readonly place: Place; readonly source: string }[]
  /** From where it left the VPC, and whether that was by an egress-only gateway. */
  readonly exit?: Place
  readonly isByEgressOnly?: boolean
}

export interface TraceRequest {
  readonly vpc: VpcNetwork
  readonly packet: Packet
  readonly from: Place
  /** Answers need no rule of a group: only what looks at each packet counts. */
  readonly isAnswer: boolean
  /** Where a packet from outside comes in. */
  readonly entrance?: Place
  /** Whether it comes in by an egress-only gateway, as answers do to what left there. */
  readonly isByEgressOnly?: boolean
  /** Of the packet that this one answers. */
  readonly translations?: Trace['translations']
  /** What of the host's own network no guest reaches. */
  readonly closed?: ClosedNetworks
}

/** Guests that carry for others could send a packet round in circles. */
const longestWay = 8

/**
 * Follows one packet through a VPC, by the rules that src/network/ruleset.ts and routing-table.ts load into the kernel, and in the order
 * in which EC2 looks at them. It goes on past what would stop it, so that all of that is told at once. Pure.
 */
export function tracePacket(request: TraceRequest): Trace {
  const { vpc, isAnswer } = request
  const hops: Hop[] = []
  const obstacles: Obstacle[] = []
  const translations: { place: Place; source: string }[] = []
  let { packet, from: place } = request
  let exit: Place | undefined
  let isByEgressOnly = false

  /** It is stopped at what it came to last. */
  function block(code: ExplanationCode, text: string, more: Partial<Obstacle> = {}): void {
    const hop = hops.at(-1)
    obstacles.push({ code, text, isOfAnswer: isAnswer, ...(hop ? { hop } : {}), ...more })
  }

  function check(hop: ReturnType<typeof checkGroups> | ReturnType<typeof checkAcl>): void {
    hops.push(hop)
    const obstacle = obstacleOf(vpc, hop, packet, isAnswer)
    if (obstacle) obstacles.push(obstacle)
  }

  function passGateway(isEgressOnly: boolean): void {
    hops.push(
      isEgressOnly
        ? { kind: 'egress-only-gateway', gatewayId: vpc.egressOnlyGatewayId, packet }
        : { kind: 'internet-gateway', gatewayId: vpc.internetGatewayId, packet },
    )
  }

  function enterFromOutside(next: Place & { subnetId: string }): void {
    passGateway(request.isByEgressOnly ?? false)
    if (next.kind === 'interface' && !isAnswer) checkEntrance(next.owner)
    check(checkAcl(vpc, next.subnetId, 'ingress', packet))
  }

  /** Whether anybody outside can name it. */
  function checkEntrance(owner: InterfaceNetwork): void {
    const subnet = vpc.subnets.find(({ id }) => id === owner.subnetId)
    const isPublic = publicAddressOf(placeOfInterface(owner), packet.destination) !== undefined
    if (!isPublic) {
      const text = isIpv6Packet(packet)
        ? `${packet.destination} of ${owner.id} is a unique local address, which nobody outside knows a way to`
        : `${packet.destination} of ${owner.id} has no public address, so nothing comes to it from outside`
      return block('IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS', text, { interfaceId: owner.id })
    }
    if (subnet?.routes.some(({ target }) => target.kind === 'internet')) return
    const text = `the route table of ${owner.subnetId} has no route to an internet gateway`
    block('NO_ROUTE_TO_DESTINATION', text, { subnetId: owner.subnetId })
  }

  function hopAt({ id: interfaceId, subnetId }: InterfaceNetwork): Hop {
    return { kind: 'interface', interfaceId, subnetId, packet }
  }

  function leave(from: Place & { subnetId: string }): Way {
    if (from.kind === 'interface') {
      const { owner } = from
      const last = hops.at(-1)
      if (last?.kind !== 'interface' || last.interfaceId !== owner.id) hops.push(hopAt(owner))
      if (owner.hasSourceDestCheck && !addressesOfInterface(owner).includes(packet.source)) {
        const text = `${owner.id} checks the source of what it sends, and ${packet.source} is not its address`
        block('ENI_SOURCE_DEST_CHECK_RESTRICTION', text, { interfaceId: owner.id })
      }
      if (!isAnswer) check(checkGroups(vpc, owner, 'egress', packet))
    }
    const way = findWay(vpc, from.subnetId, packet.destination, isAnswer)
    if (subnetOf(way.next) !== from.subnetId) check(checkAcl(vpc, from.subnetId, 'egress', packet))
    return way
  }

  /** Whether it may use the internet gateway from there. */
  function checkExit(from: Place & { subnetId: string }, isEgressOnly: boolean): void {
    exit = from
    isByEgressOnly = isEgressOnly
    passGateway(isEgressOnly)
    // Of connections that stand nothing is stopped there.
    const stop = isAnswer ? undefined : request.closed && closedAt(request.closed, packet.destination)
    if (stop) block(stop.code, stop.text, stop)
    // What is sent by IPv6 leaves under the host's own address.
    if (isIpv6Packet(packet)) return
    const isPublic =
      from.kind === 'nat-gateway' ? from.gateway.isPublic : publicAddressOf(from, packet.source) !== undefined
    if (isPublic) return
    const who = from.kind === 'nat-gateway' ? from.gateway.id : `${packet.source} of ${nameOf(from)}`
    const more = from.kind === 'interface' ? { interfaceId: from.owner.id } : {}
    block('IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS', `${who} has no public address, without which nothing leaves`, more)
  }

  function explainNoWay(from: Place & { subnetId: string }, { target, destination }: Way): void {
    const { subnetId } = from
    const more = { subnetId, address: packet.destination }
    if (!target) {
      return block(
        'NO_ROUTE_TO_DESTINATION',
        `the route table of ${subnetId} has no route to ${packet.destination}`,
        more,
      )
    }
    if (target.kind === 'local' || target.kind === 'internet' || target.kind === 'egress-only') {
      return block('NO_POSSIBLE_DESTINATION', describeNobody(packet.destination, target.kind === 'local'), more)
    }
    const text = `the route of ${subnetId} to ${destination} leads to what is gone, or does not run`
    block('BAD_STATE_ROUTE', text, more)
  }

  /** Nothing passes through a VPC that is not of it (src/network/peering-ruleset.ts). */
  function passWire({ id, cidrs }: PeeringNetwork): void {
    hops.push({ kind: 'peering-connection', peeringConnectionId: id, packet })
    const isOwn = localBlocksOf(vpc).some((block) => hasAddress(block, packet.source))
    if (isOwn && cidrs.some((block) => hasAddress(block, packet.destination))) return
    const text = `${id} carries what goes from an address of the one VPC to one of the other, and not ${describePacket(packet)}`
    block('NO_ROUTE_TO_DESTINATION', text)
  }

  /** Where what comes from a peer comes to: a guest, or the NAT gateway whose question it answers. */
  function entranceFromPeer(): (Place & { subnetId: string }) | undefined {
    const asked = request.translations?.find(
      ({ place: passed }) => passed.kind === 'nat-gateway' && passed.gateway.privateIp === packet.destination,
    )
    if (isAnswer && asked?.place.kind === 'nat-gateway') return asked.place
    return findOwner(vpc, packet.destination)
  }

  function arriveAt(owner: InterfaceNetwork): boolean {
    const isItsOwn = addressesOfInterface(owner).includes(packet.destination)
    const hop = hopAt(owner)
    if (!isItsOwn && owner.hasSourceDestCheck) {
      const text = `${owner.id} checks the destination of what it gets, and ${packet.destination} is not its address`
      block('ENI_SOURCE_DEST_CHECK_RESTRICTION', text, { interfaceId: owner.id, hop })
    }
    if (!isAnswer) check(checkGroups(vpc, owner, 'ingress', packet))
    hops.push(hop)
    return isItsOwn
  }

  function translate(at: Place & { kind: 'nat-gateway' }): void {
    const earlier = request.translations?.find(
      ({ place: passed }) => passed.kind === 'nat-gateway' && passed.gateway.id === at.gateway.id,
    )
    if (earlier && isAnswer) packet = { ...packet, destination: earlier.source }
    else {
      translations.push({ place: at, source: packet.source })
      packet = { ...packet, source: at.gateway.privateIp }
    }
    hops.push({ kind: 'nat-gateway', natGatewayId: at.gateway.id, subnetId: at.subnetId, packet })
  }

  const result = (end?: Place): Trace => ({
    ...{ hops, obstacles, packet, translations },
    ...(end ? { end } : {}),
    ...(exit ? { exit, isByEgressOnly } : {}),
  })

  if (place.kind === 'outside' || place.kind === 'peer') {
    const next = place.kind === 'peer' ? entranceFromPeer() : request.entrance
    if (!next || next.kind === 'outside' || next.kind === 'peer') {
      if (place.kind === 'peer') {
        const text = `no running instance of ${vpc.id} has the address ${packet.destination}`
        block('NO_POSSIBLE_DESTINATION', text, { address: packet.destination })
      }
      return result()
    }
    if (place.kind === 'peer') check(checkAcl(vpc, next.subnetId, 'ingress', packet))
    else enterFromOutside(next)
    if (next.kind === 'interface' && arriveAt(next.owner)) return result(next)
    if (next.kind === 'nat-gateway') translate(next)
    place = next
  }
  for (let step = 0; step < longestWay; step++) {
    const here = place
    const way = leave(here)
    const { subnetId } = here
    const routeTableId = vpc.subnets.find(({ id }) => id === subnetId)?.routeTableId
    hops.push({
      ...{ kind: 'route', subnetId, routeTableId },
      ...(way.destination === undefined ? {} : { destination: way.destination }),
      ...(way.target ? { target: way.target } : {}),
    })
    const { next } = way
    if (!next) {
      explainNoWay(here, way)
      return result()
    }
    if (next.kind === 'outside') {
      checkExit(here, way.target?.kind === 'egress-only')
      return result(next)
    }
    if (next.kind === 'peer') {
      passWire(next.peering)
      return result(next)
    }
    if (next.subnetId !== here.subnetId) check(checkAcl(vpc, next.subnetId, 'ingress', packet))
    if (next.kind === 'interface' && arriveAt(next.owner)) return result(next)
    if (next.kind === 'nat-gateway') translate(next)
    place = next
  }
  block('NO_ROUTE_TO_DESTINATION', `routes lead ${describePacket(packet)} round in a circle`)
  return result()
}

/** The public address that stands for a private one. Pure. */
function publicAddressOf(place: Place, address: string): string | undefined {
  if (place.kind !== 'interface') return undefined
  const { privateIp, publicIp, secondaryAddresses = [] } = place.owner
  if (address === privateIp) return publicIp
  return secondaryAddresses.find((secondary) => secondary.privateIp === address)?.publicIp
}

/** Why an address is nobody's that routes lead to. */
function describeNobody(address: string, isLocal: boolean): string {
  const isOf = (...blocks: readonly string[]) => blocks.some((block) => hasAddress(block, address))
  if (isOf('127.0.0.0/8', '::1/128'))
    return `${address} is the loopback of whoever sends to it: no server reaches the host's`
  if (isOf('169.254.0.0/16')) {
    return `${address} is no address that routes lead to: what the VPC itself offers there is reached whatever they say, and not looked at`
  }
  return `${isLocal ? 'no running instance of the VPC has' : 'nothing outside has'} the address ${address}`
}

function subnetOf(place: Place | undefined): string | undefined {
  return place && 'subnetId' in place ? place.subnetId : undefined
}

function nameOf(place: Place): string {
  if (place.kind === 'interface') return place.owner.id
  return place.kind === 'nat-gateway' ? place.gateway.id : 'outside'
}
