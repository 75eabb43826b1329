import { type Check, type HostView, ok, problem } from './check.ts'

/** Whether servers can be put on the bridges of the host that the configuration allows. */
export function checkBridgedMode(host: HostView, bridges: readonly string[]): Check[] {
  return bridges.map((bridge) => ({
    name: `Bridge ${bridge}`,
    run: async () => {
      if (!host.isRoot) {
        return problem(
          'network.bridges names it, and bridges are used by root alone: the daemon will not start',
          'Take network.bridges out of config.yaml, or run the daemon as root.',
        )
      }
      if (!(await host.isUsable(`/sys/class/net/${bridge}/bridge`, 'exists'))) {
        return problem(
          `network.bridges names it, and this host has no bridge ${bridge}`,
          'Make it with what manages the network of this host (docs/guides/bridged.md), or take it out of config.yaml.',
        )
      }
      return ok('servers may be put on it')
    },
  }))
}
