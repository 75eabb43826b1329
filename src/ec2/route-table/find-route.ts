import { blockOfAddress, containsCidr } from '../cidr.ts'

/** The most specific of the routes (or blocks) that hold for an address of either family; undefined when none does. Pure. */
export function findRoute<T extends { readonly destination: string }>(
  routes: readonly T[],
  address: string,
): T | undefined {
  const sought = blockOfAddress(address)
  let best: { route: T; prefixLength: number } | undefined
  for (const route of routes) {
    if (!containsCidr(route.destination, sought)) continue
    const prefixLength = Number(route.destination.split('/')[1])
    if (!best || prefixLength > best.prefixLength) best = { route, prefixLength }
  }
  return best?.route
}
