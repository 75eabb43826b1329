import { type Check, type HostView, ok, problem } from './check.ts'

/** Whether the host can have routes to VPCs, where the configuration asks for them. */
export function checkRoutedMode(host: HostView, isWanted: boolean): Check[] {
  if (!isWanted) return []
  return [
    {
      name: 'Routed mode',
      run: async () =>
        host.isRoot
          ? ok('this host gets routes to VPCs while the daemon runs')
          : problem(
              'network.routed is true, and routes of the host are made by root alone: the daemon will not start',
              'Set network.routed to false in config.yaml, or run the daemon as root.',
            ),
    },
  ]
}
