import { type Check, type HostView, ok, warning } from './check.ts'

const neededCount = 65_536

/** Users that mmdebstrap borrows to unpack Debian without root (subuid(5)). */
export function checkSubordinateIds(host: HostView): Check {
  return {
    name: 'Subordinate ids',
    run: async () => {
      if (host.isRoot) return ok('root needs none')
      for (const path of ['/etc/subuid', '/etc/subgid']) {
        const count = countFor((await host.readText(path)) ?? '', host.userName)
        if (count >= neededCount) continue
        return warning(
          `${path} gives ${host.userName} ${count} ids, ${neededCount} are needed to build Debian images`,
          `sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${host.userName}`,
        )
      }
      return ok(`${host.userName} has ${neededCount} of them`)
    },
  }
}

/** The largest range that `user:first:count` lines give. */
function countFor(text: string, userName: string): number {
  const counts = text
    .split('\n')
    .map((line) => line.split(':'))
    .filter(([name]) => name === userName)
    .map(([, , count]) => Number(count ?? 0))
  return Math.max(0, ...counts)
}
