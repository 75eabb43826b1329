import {
  addressToBytes,
  type Association,
  type ClientMessage,
  messageType,
  namesToBytes,
  numbers,
  option,
  optionCode,
  readMessage,
  statusCode,
  writeMessage,
} from './message.ts'

/** What an interface has, and what its guest is told besides. */
export interface Dhcp6Lease {
  /** In their canonical form. */
  readonly addresses: readonly string[]
  /** For how long they may be used for new connections without asking again. */
  readonly preferredSeconds: number
  /** IPv6 addresses. */
  readonly nameServers: readonly string[]
  readonly searchDomains: readonly string[]
  /** IPv6 addresses. */
  readonly ntpServers: readonly string[]
}

/** The same in every VPC (a DUID by link-layer address, RFC 8415, section 11.4): a guest has one server. */
const serverId = Buffer.from('00030001020000000001', 'hex')
/**
 * How long a guest keeps its addresses while nobody answers. Longer than the daemon is ever away for an upgrade: what an address that has
 * gone from the interface comes to, the guest hears when it asks again, within the preferred time.
 */
const leastValidSeconds = 86_400
const longestSeconds = 0xffff_ffff
/** Of a client that has asked in vain: an interface gets an address while its guest runs (RFC 7083; an hour is the default). */
const solicitPauseSeconds = 60
/** A client looks for no better server. */
const highestPreference = 255

/**
 * Answers a client of DHCP (RFC 8415). What an interface has is no agreement with its guest: nothing is remembered, whatever the guest calls
 * itself by. Undefined: nothing is said. Pure.
 */
export function answerDhcp6(bytes: Buffer, lease: Dhcp6Lease): Buffer | undefined {
  const message = readMessage(bytes)
  if (message === undefined || !isForUs(message)) return undefined
  const { type, transaction, associations, isRapid } = message
  const reply = (...options: readonly Buffer[]) =>
    writeMessage(messageType.reply, transaction, [...identity(message), ...options])
  switch (type) {
    case messageType.solicit:
      return isRapid
        ? reply(option(optionCode.rapidCommit), ...grants(associations, lease), ...settings(lease))
        : writeMessage(messageType.advertise, transaction, [
            ...identity(message),
            option(optionCode.preference, numbers(1, highestPreference)),
            ...grants(associations, lease),
            ...settings(lease),
          ])
    case messageType.request:
    case messageType.renew:
    case messageType.rebind:
      return reply(...grants(associations, lease), ...settings(lease))
    case messageType.confirm: {
      const claimed = associations.flatMap(({ addresses }) => addresses)
      if (claimed.length === 0) return undefined
      const isRight = claimed.every((address) => lease.addresses.includes(address))
      return reply(status(isRight ? statusCode.success : statusCode.notOnLink))
    }
    case messageType.release:
    case messageType.decline:
      return reply(status(statusCode.success))
    case messageType.informationRequest:
      return reply(...settings(lease))
    default:
      return undefined
  }
}

const namingServer: ReadonlySet<number> = new Set([
  messageType.request,
  messageType.renew,
  messageType.release,
  messageType.decline,
])

/** Who asks for addresses says who it is; who goes on with a server names it, and nobody else names any (RFC 8415, section 16). */
function isForUs(message: ClientMessage): boolean {
  if (message.type === messageType.informationRequest) return message.serverId?.equals(serverId) ?? true
  if (message.clientId === undefined) return false
  return namingServer.has(message.type) ? message.serverId?.equals(serverId) === true : message.serverId === undefined
}

function identity({ clientId }: ClientMessage): Buffer[] {
  return [...(clientId ? [option(optionCode.clientId, clientId)] : []), option(optionCode.serverId, serverId)]
}

/** All addresses are the first association's; what a client has besides is taken from it. */
function grants(associations: readonly Association[], lease: Dhcp6Lease): Buffer[] {
  const first = associations.find(({ code }) => code === optionCode.addresses)
  return associations.map((association) => {
    const { code, id } = association
    const id4 = numbers(4, id)
    if (code === optionCode.temporaryAddresses) return option(code, id4, status(statusCode.noAddresses))
    if (code === optionCode.prefixes) return option(code, id4, numbers(4, 0, 0), status(statusCode.noPrefix))
    const own = association === first ? lease.addresses : []
    const { preferred, valid } = lifetimes(lease)
    const lost = association.addresses.filter((address) => !own.includes(address))
    return option(
      code,
      id4,
      numbers(4, Math.floor(preferred / 2), Math.floor(preferred * 0.8)),
      ...own.map((address) => option(optionCode.address, addressToBytes(address), numbers(4, preferred, valid))),
      ...lost.map((address) => option(optionCode.address, addressToBytes(address), numbers(4, 0, 0))),
      ...(own.length === 0 ? [status(statusCode.noAddresses)] : []),
    )
  })
}

function lifetimes({ preferredSeconds }: Dhcp6Lease): { readonly preferred: number; readonly valid: number } {
  const preferred = Math.min(preferredSeconds, longestSeconds)
  return { preferred, valid: Math.min(Math.max(leastValidSeconds, 2 * preferred), longestSeconds) }
}

function settings({ nameServers, searchDomains, ntpServers }: Dhcp6Lease): Buffer[] {
  const addresses = ntpServers.map(addressToBytes)
  return [
    ...(nameServers.length > 0 ? [option(optionCode.nameServers, ...nameServers.map(addressToBytes))] : []),
    ...(searchDomains.length > 0 ? [option(optionCode.domains, namesToBytes(searchDomains))] : []),
    // Older clients know the first one only; the second one has the address as an option inside (RFC 5908).
    ...(addresses.length > 0
      ? [
          option(optionCode.simpleNtpServers, ...addresses),
          option(optionCode.ntpServers, ...addresses.map((address) => option(1, address))),
        ]
      : []),
    option(optionCode.longestSolicitPause, numbers(4, solicitPauseSeconds)),
  ]
}

function status(code: number): Buffer {
  return option(optionCode.status, numbers(2, code))
}
