import { type Check, type HostView, ok, sysctlRemedy, warning } from './check.ts'
import { findSocketOwner, listenersAt, type TcpListener } from './tcp-listeners.ts'

const sshPort = 22
const httpPort = 80

/** Whether servers' low ports are to be had at their public addresses as they are. */
export function checkLowPorts(host: HostView): Check {
  return {
    name: 'Low ports',
    run: async () => {
      const setting = 'net.ipv4.ip_unprivileged_port_start'
      const first = Number((await host.readText(`/proc/sys/${setting.replaceAll('.', '/')}`)) ?? 1024)
      if (!host.isRoot && first > sshPort) {
        return warning(
          `ports below ${first} need root: servers' port ${sshPort} is offered at ${sshPort + 10_000}, ${httpPort} at ${httpPort + 10_000}`,
          `${sysctlRemedy(`${setting}=${sshPort}`)}, then kiln daemon restart. kiln ssh works without.`,
        )
      }
      const [everywhere] = (await readListeners(host, sshPort)).filter(({ isAnyAddress }) => isAnyAddress)
      if (!everywhere) return ok('ports of servers are offered as they are')
      return warning(
        `${await describeOwner(everywhere)} listens at port ${sshPort} of every address, public addresses of servers included: theirs is offered at ${sshPort + 10_000}`,
        `Give sshd a ListenAddress of its own in /etc/ssh/sshd_config, or use kiln ssh, which finds the port by itself.`,
      )
    },
  }
}

/** Whether the API's port is free, ours, or somebody's. */
export function checkEndpoint(
  host: HostView,
  endpoint: { address: string; port: number },
  runningUrl: () => Promise<string | undefined>,
): Check {
  return {
    name: 'API port',
    run: async () => {
      const url = await runningUrl()
      if (url !== undefined) return ok(`the daemon answers at ${url}`)
      const [listener] = await readListeners(host, endpoint.port)
      if (!listener) return ok(`${endpoint.address}:${endpoint.port} is free`)
      return ok(
        `${endpoint.port} is taken by ${await describeOwner(listener)}: the daemon takes the next free port, which kiln env tells`,
      )
    },
  }
}

async function readListeners(host: HostView, port: number): Promise<TcpListener[]> {
  const tables = await Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map((path) => host.readText(path)))
  return listenersAt(
    port,
    tables.map((table) => table ?? ''),
  )
}

async function describeOwner({ inode }: TcpListener): Promise<string> {
  return (await findSocketOwner(inode)) ?? 'a process of another user'
}
