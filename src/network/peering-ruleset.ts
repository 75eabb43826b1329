import type { PeeringNetwork, VpcNetwork } from '../ec2/ports/vpc-network.ts'
import { blocksOf, type Family, familiesOf, ofFamily } from './family.ts'
import { peeringDeviceOf, peeringDevicePrefix } from './peering-device.ts'
import { set, setOf } from './rule-line.ts'

/** What peering connections add to a VPC's ruleset; nothing where there are none. */
export interface PeeringRuleset {
  /** Sets and chains. */
  readonly declarations: string[]
  /** For every packet that is forwarded. */
  readonly checks: string[]
  /** After the sender's groups have let it through. */
  readonly passage: string[]
}

const anyWire = `"${peeringDevicePrefix}*"`

/**
 * As on EC2 nothing passes through a VPC that is not of it: a wire carries what goes from an address of the one VPC to an address of
 * the other, and leads to guests alone, whatever routes say; also for connections that stand. What guests may send and get is for
 * their groups to say. Pure.
 */
export function peeringRuleset(vpc: VpcNetwork): PeeringRuleset {
  const { peerings } = vpc
  if (peerings.length === 0) return { declarations: [], checks: [], passage: [] }
  const families = familiesOf(vpc)
  /** What crosses a wire from one VPC to the other, in one direction. */
  const passages = (peering: PeeringNetwork, rule: (theirs: string, own: string, family: Family) => string) =>
    families.flatMap((family) => {
      const theirs = ofFamily(family, peering.cidrs)
      return theirs.length === 0 ? [] : [rule(blocks(theirs), blocks(blocksOf(vpc, family)), family)]
    })
  const device = ({ id }: PeeringNetwork) => `"${peeringDeviceOf(id)}"`
  return {
    declarations: [
      ...families.flatMap((family) =>
        remoteGroupsOf(vpc, family).map(([id, members]) =>
          set(setOf(id, family), `ifname . ${family.address}`, members),
        ),
      ),
      '  chain peering_entered {',
      // A NAT gateway's connections are its own: nobody behind the wire begins any by it.
      '    oifname "nat*" ct state new,invalid,untracked drop',
      '    oifname != { "eni*", "nat*" } drop',
      ...peerings.flatMap((peering) =>
        passages(
          peering,
          (theirs, own, { ip }) => `    iifname ${device(peering)} ${ip} saddr ${theirs} ${ip} daddr ${own} return`,
        ),
      ),
      '    drop',
      '  }',
      '  chain peering_left {',
      ...peerings.flatMap((peering) =>
        passages(
          peering,
          (theirs, own, { ip }) => `    oifname ${device(peering)} ${ip} saddr ${own} ${ip} daddr ${theirs} return`,
        ),
      ),
      '    drop',
      '  }',
    ],
    checks: [`    iifname ${anyWire} jump peering_entered`, `    oifname ${anyWire} jump peering_left`],
    passage: [
      `    iifname { "eni*", "nat*" } oifname ${anyWire} accept`,
      `    iifname ${anyWire} oifname "eni*" goto to_interface`,
    ],
  }
}

/** Groups of peers that rules name, with their members of a family by the device that these are behind: VPCs of peers may overlap. Pure. */
export function remoteGroupsOf({ peerings }: VpcNetwork, family: Family): [id: string, members: string[]][] {
  return peerings.flatMap((peering) =>
    peering.groups.map(({ id, addresses }): [string, string[]] => [
      id,
      ofFamily(family, addresses).map((address) => `"${peeringDeviceOf(peering.id)}" . ${address}`),
    ]),
  )
}

function blocks(cidrs: readonly string[]): string {
  return `{ ${cidrs.join(', ')} }`
}
