import { isIpv6Block } from '../cidr.ts'
import type { Domain } from '../domain.ts'
import type { PrefixListRecord } from '../prefix-list/prefix-list.ts'
import type { Store } from '../ports/store.ts'
import { requireQuota } from '../quota.ts'
import { isByPrefixList, type Route, type RouteTableRecord } from './route-table.ts'

/** The route tables that lead the blocks of a prefix list somewhere. */
export function tablesNaming(store: Store, { id }: PrefixListRecord): RouteTableRecord[] {
  return store.routeTables.listBy('routes[].destination', id)
}

/** What a route counts for against its table's quota: a prefix list for all the entries that it may have. */
export function weightOf(store: Store, route: Route): number {
  return isByPrefixList(route) ? (store.prefixLists.find(route.destination)?.maxEntries ?? 1) : 1
}

/** Whether a route is one of IPv6: those have a quota of their own ("Amazon VPC quotas"). */
export function isIpv6Route(store: Store, { destination }: Pick<Route, 'destination'>): boolean {
  return isByPrefixList({ destination })
    ? store.prefixLists.find(destination)?.addressFamily === 'IPv6'
    : isIpv6Block(destination)
}

/** What those routes count for that are of the same family. */
export function weightOfFamily(store: Store, routes: readonly Route[], isIpv6: boolean): number {
  return routes
    .filter((route) => isIpv6Route(store, route) === isIpv6)
    .reduce((sum, route) => sum + weightOf(store, route), 0)
}

/** Throws RouteLimitExceeded when a table's routes are too many now that a prefix list may have more entries. */
export function requireRouteRoom(
  { store, settings }: Pick<Domain, 'store' | 'settings'>,
  { routes }: RouteTableRecord,
): void {
  for (const isIpv6 of [false, true]) {
    requireQuota(settings.quotas, 'routesPerRouteTable', {
      present: 0,
      added: weightOfFamily(store, routes, isIpv6),
      code: 'RouteLimitExceeded',
    })
  }
}
