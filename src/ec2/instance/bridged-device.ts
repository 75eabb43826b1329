import { createHash } from 'node:crypto'
import { invalidParameterValue } from '../errors.ts'
import { bridgedPortCount, networkPortCount, type NetworkDeviceSpec } from '../ports/machine-spec.ts'
import type { Tag } from '../ports/store.ts'
import type { NetworkDriver } from '../vpc/network-driver.ts'
import { bridgeName, bridgeTag } from './bridge-tag.ts'
import type { InstanceRecord } from './instance.ts'

/** How the taps of such devices begin: those of the VPC's interfaces begin with `eni`. */
const tapPrefix = 'lan'

/**
 * The bridges that an instance's tags ask for, each of which can be had now. Throws InvalidParameterValue that says which one cannot, and
 * why.
 */
export function readBridges(networks: Pick<NetworkDriver, 'bridgeProblem'>, tags: readonly Tag[]): readonly string[] {
  const value = tags.find(({ key }) => key === bridgeTag)?.value
  if (value === undefined) return []
  const bridges = value.split(',').map((name) => name.trim())
  const refuse = (why: string) => invalidParameterValue(`Tag ${bridgeTag}`, value, why)
  const bad = bridges.find((name) => !bridgeName.test(name))
  if (bad !== undefined) throw refuse('Expected the name of a bridge of the host, or several with commas between.')
  if (new Set(bridges).size < bridges.length) throw refuse('An instance can be on a bridge once.')
  if (bridges.length > bridgedPortCount) throw refuse(`An instance can be on ${bridgedPortCount} bridges at most.`)
  for (const bridge of bridges) {
    const problem = networks.bridgeProblem(bridge)
    if (problem !== undefined) throw refuse(`${problem}.`)
  }
  return bridges
}

/** A network device of an instance, with the bridge that it is on. */
export interface BridgedDevice extends NetworkDeviceSpec {
  readonly bridge: string
}

/** The devices that the machine of an instance has on bridges. Their names and MACs are the same at each start. Pure. */
export function bridgedDevicesOf({ id, uuid, bridges = [] }: InstanceRecord): BridgedDevice[] {
  return bridges.map((bridge, index) => ({
    id: `nic${networkPortCount + index}`,
    bridge,
    // At most 15 characters (IFNAMSIZ).
    tapName: `${tapPrefix}${id.slice(-11)}${index}`,
    mac: macOn(bridge, uuid),
    port: networkPortCount + index,
  }))
}

/** A locally administered address that no interface of a VPC has, in a LAN that other Kilns may be on too. */
function macOn(bridge: string, uuid: string): string {
  const digest = createHash('sha256').update(`${uuid} ${bridge}`).digest('hex').slice(0, 8)
  return `52:4b:${(digest.match(/../g) ?? []).join(':')}`
}
