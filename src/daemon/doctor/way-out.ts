import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../../host/clock.ts'
import { createCommonUserNamespace } from '../../network/common-user-namespace.ts'
import { createEgress } from '../../network/egress.ts'
import { readHostFacts } from '../../network/host-facts.ts'
import { createNamespace } from '../../network/namespace.ts'
import { endProcess } from '../../network/vpc-processes.ts'
import { type Check, type HostView, ok, warning } from './check.ts'

/** Servers' way out to the internet, tried as a VPC has it. */
export function checkWayOut(host: HostView, clock: Clock): Check {
  return {
    name: 'Way out',
    run: async () => {
      if (!hasDefaultRoute((await host.readText('/proc/net/route')) ?? '')) {
        return warning(
          'this host has no IPv4 default route: servers reach one another and this host, but not the internet',
          'Connect the host, then stop and start the servers.',
        )
      }
      const failure = await tryEgress(host, clock)
      if (failure === undefined) return ok('pasta gives a namespace a way out')
      return warning(
        failure,
        'Install or upgrade the package passt; an AppArmor or SELinux profile may forbid it: see dmesg.',
      )
    },
  }
}

function hasDefaultRoute(table: string): boolean {
  return table
    .split('\n')
    .slice(1)
    .some((line) => line.split('\t')[1] === '00000000')
}

async function tryEgress(host: HostView, clock: Clock): Promise<string | undefined> {
  const { processes, isRoot } = host
  const networksDirectory = await mkdtemp(join(tmpdir(), 'kiln-doctor-'))
  try {
    const dependencies = { processes, clock, networksDirectory }
    const common = createCommonUserNamespace(dependencies, () => [])
    const namespace = await common.use(async (key) => await createNamespace(dependencies, 'vpc-doctor', key))
    const egress = createEgress({ processes, clock, isRoot }, namespace)
    try {
      return await egress.converge(readHostFacts(), false)
    } finally {
      await egress.end()
      await endProcess(clock, namespace.holder, 'SIGKILL')
      await common.end()
    }
  } catch (error) {
    return `it could not be tried: ${error instanceof Error ? error.message : String(error)}`
  } finally {
    await rm(networksDirectory, { recursive: true, force: true })
  }
}
