/** How the devices of peering connections begin, in each VPC's namespace. */
export const peeringDevicePrefix = 'pcx'

/** A peering connection's device: at most 15 characters (IFNAMSIZ), told apart by the id's last 12. Pure. */
export function peeringDeviceOf(peeringConnectionId: string): string {
  return `${peeringDevicePrefix}${peeringConnectionId.slice(-12)}`
}
