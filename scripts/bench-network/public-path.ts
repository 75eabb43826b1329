import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { waitForImage } from '../../test/e2e/images.ts'
import { openLab } from '../../test/e2e/lab.ts'
import { prepareServers } from '../../test/e2e/servers.ts'
import { startBareQemu } from '../bench/bare-qemu.ts'
import { type Figure, median } from '../bench/figure.ts'
import { waitForBanner } from '../bench/ssh-banner.ts'
import { guestServices, servicePort } from './guest-services.ts'
import { greet, receiveFrom, sendTo } from './transfer.ts'

const rounds = 5
const connects = 20
const mib = 32
/** Emulated servers take ten times as long for it. */
const piecesMib = 8
const idlePorts = 1000
const maximumIdleMb = 30
const mostLatency = 1.5
/** Below those that the kernel gives to outgoing connections. */
const basePort = 21_300

/** Where a server's ports are on the host. */
interface Door {
  readonly host: string
  readonly portOf: (port: number) => number
}

/** A server at its public address beside the same image behind QEMU's own hostfwd; then what ports that nobody uses cost the daemon. */
export async function measurePublicPath(): Promise<Figure[]> {
  const lab = await openLab()
  const userData = guestServices({ mib, piecesMib })
  const userDataPath = join(lab.home, 'services.sh')
  try {
    await lab.startDaemon()
    const { TaskId: taskId } = await lab.call('KilnBuildImage', { Recipe: 'nano' })
    const imageId = await waitForImage(lab, taskId)
    const servers = await prepareServers(lab)
    await lab.call('AuthorizeSecurityGroupIngress', {
      GroupId: servers.groupId,
      IpPermissions: [
        {
          IpProtocol: 'tcp',
          FromPort: servicePort.sends,
          ToPort: servicePort.greets,
          IpRanges: [{ CidrIp: '0.0.0.0/0' }],
        },
      ],
    })
    // As many processors and as much memory as the other one has.
    const [id = ''] = await servers.launch(imageId, {
      InstanceType: 't3.nano',
      UserData: Buffer.from(userData).toString('base64'),
    })
    await servers.waitForStage(id, 'ssh')
    const { PublicIpAddress: host = '' } = await servers.describe(id)
    const ours: Door = { host, portOf: (port) => port }

    const { Accelerator: accelerator } = await lab.call('KilnGetStatus', {})
    const [layer = ''] = await readdir(join(lab.home, 'layers'))
    await writeFile(userDataPath, userData)
    const bare = await startBareQemu({
      image: join(lab.home, 'layers', layer, 'disk.qcow2'),
      overlay: join(lab.home, 'bare.qcow2'),
      port: basePort,
      accelerator: accelerator.Name,
      forwards: new Map(Object.values(servicePort).map((port) => [forwardOf(port), port])),
      userData: userDataPath,
    })
    try {
      await waitForBanner(() => bare.locateSsh())
      const theirs: Door = { host: '127.0.0.1', portOf: forwardOf }
      return [...(await compareDoors(ours, theirs)), await measureIdlePorts()]
    } finally {
      await bare.end()
    }

    async function measureIdlePorts(): Promise<Figure> {
      const { Pid: pid } = await lab.call('KilnGetStatus', {})
      const before = await residentMb(pid)
      await lab.call('AuthorizeSecurityGroupIngress', {
        GroupId: servers.groupId,
        IpPermissions: [
          { IpProtocol: 'tcp', FromPort: 15_000, ToPort: 15_000 + idlePorts - 1, IpRanges: [{ CidrIp: '0.0.0.0/0' }] },
        ],
      })
      const isOffered = async () => {
        const { PublicPorts: ports } = await lab.call('KilnDescribeInstance', { InstanceId: id })
        return ports.filter(({ Port: port, HostPort: hostPort }) => port >= 15_000 && hostPort !== undefined).length
      }
      while ((await isOffered()) < idlePorts) await pause()
      const cost = (await residentMb(pid)) - before
      return {
        name: `${idlePorts} forwarded ports that nobody uses`,
        value: `${cost.toFixed(1)} MB of the daemon's memory`,
        limit: `≤ ${maximumIdleMb} MB`,
        isKept: cost <= maximumIdleMb,
        reference: `before ${before.toFixed(0)} MB`,
      }
    }
  } finally {
    await rm(userDataPath, { force: true })
    await lab.close().catch((error: unknown) => process.stderr.write(`the lab could not be closed: ${String(error)}\n`))
  }
}

/** Ways that bytes go, and what carries them in MiB a second. */
const transfers: readonly { readonly what: string; readonly rate: (door: Door) => Promise<number> }[] = [
  {
    what: `the server sends ${mib} MiB`,
    rate: ({ host, portOf }) => receiveFrom(host, portOf(servicePort.sends), mib),
  },
  {
    what: `the server sends ${piecesMib} MiB, 1 KiB at a time`,
    rate: ({ host, portOf }) => receiveFrom(host, portOf(servicePort.sendsPieces), piecesMib),
  },
  {
    what: `the server receives ${mib} MiB`,
    rate: ({ host, portOf }) => sendTo(host, portOf(servicePort.receives), mib),
  },
]

async function compareDoors(ours: Door, theirs: Door): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const { what, rate } of transfers) {
    const rates = await inTurn(rounds, rate, ours, theirs)
    const share = rates.ours / rates.theirs
    figures.push({
      name: `public address, TCP throughput, ${what} (median of ${rounds})`,
      value: `${rates.ours.toFixed(1)} MiB/s, ${share.toFixed(2)} × hostfwd`,
      limit: '≥ 1 ×',
      isKept: share >= 1,
      reference: `QEMU's hostfwd, same image ${rates.theirs.toFixed(1)} MiB/s`,
    })
  }
  const latencies = await inTurn(connects, ({ host, portOf }) => greet(host, portOf(servicePort.greets)), ours, theirs)
  const latency = latencies.ours / latencies.theirs
  return [
    ...figures,
    {
      name: `public address, connect → first word of the server (median of ${connects})`,
      value: `${latencies.ours.toFixed(1)} ms, ${latency.toFixed(2)} × hostfwd`,
      limit: `≤ ${mostLatency} ×`,
      isKept: latency <= mostLatency,
      reference: `QEMU's hostfwd, same image ${latencies.theirs.toFixed(1)} ms`,
    },
  ]
}

/** The medians of both, measured in turn. */
async function inTurn(
  count: number,
  measure: (door: Door) => Promise<number>,
  ours: Door,
  theirs: Door,
): Promise<{ ours: number; theirs: number }> {
  const found = { ours: [] as number[], theirs: [] as number[] }
  for (let round = 0; round < count; round++) {
    found.ours.push(await measure(ours))
    found.theirs.push(await measure(theirs))
  }
  return { ours: median(found.ours), theirs: median(found.theirs) }
}

/** The port of the host that leads to one of the other server's. */
function forwardOf(port: number): number {
  return basePort + 1 + port - servicePort.sends
}

async function pause(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 500))
}

async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024
}
