import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { execa } from 'execa'

/** The reference: a server as somebody starts it who types QEMU's command line. */
export interface BareMachine {
  /** Where its SSH server is reached. Rejects when QEMU has ended. */
  locateSsh(): Promise<{ host: string; port: number }>
  end(): Promise<void>
}

const metadataStub = join(import.meta.dirname, 'metadata-stub')

/** Starts QEMU on a new overlay over the image, with as many processors and as much memory as the instance type t3.nano has. */
export async function startBareQemu(request: {
  image: string
  overlay: string
  port: number
  accelerator: 'kvm' | 'tcg'
  /** Ports of the guest by those of the host that lead to them, besides the one for SSH. */
  forwards?: ReadonlyMap<number, number>
  /** A file whose content the guest gets as its user data. */
  userData?: string
  /** A tap for a second network interface, and the argv prefix that runs a program in the tap's namespace: all its ports are there, too. */
  tap?: { name: string; mac: string; place: readonly string[] }
}): Promise<BareMachine> {
  const { image, overlay, port, accelerator, forwards = new Map<number, number>(), userData = '', tap } = request
  await execa('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', image, '-F', 'qcow2', overlay])
  // User networking with nothing but the metadata service in it: `restrict` keeps the guest from the host's network.
  const network = [
    'user,id=net,restrict=on,net=169.254.169.0/24,host=169.254.169.2,dhcpstart=169.254.169.15',
    ...[[port, 22], ...forwards].map(([host, guest]) => `hostfwd=tcp:127.0.0.1:${host}-:${guest}`),
    `guestfwd=tcp:169.254.169.254:80-cmd:${metadataStub}`,
  ].join(',')
  const [program, ...prefix] = [...(tap?.place ?? []), 'qemu-system-x86_64']
  const qemu = spawn(
    program,
    [
      ...prefix,
      ...['-machine', 'q35', '-accel', accelerator, '-cpu', accelerator === 'kvm' ? 'host' : 'max'],
      ...['-smp', '2', '-m', '512', '-display', 'none', '-serial', `file:${overlay}.console`],
      // By this nano knows that it may ask for metadata.
      ...['-smbios', 'type=1,serial=ec2-bare'],
      ...['-drive', `file=${overlay},if=virtio,format=qcow2`],
      ...['-netdev', network, '-device', 'virtio-net-pci,netdev=net'],
      ...(tap ? ['-netdev', `tap,id=tap,ifname=${tap.name},script=no,downscript=no`] : []),
      ...(tap ? ['-device', `virtio-net-pci,netdev=tap,mac=${tap.mac}`] : []),
    ],
    // In a session of its own, as Kiln's machines are: the kernel shares processors out by sessions (sched(7), autogroup), and whoever is in the
    // client's is woken sooner.
    { detached: true, stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, KILN_BENCH_USER_DATA: userData } },
  )
  await once(qemu, 'spawn')
  return {
    locateSsh: async () => {
      if (qemu.exitCode !== null) throw new Error('the bare QEMU has ended')
      return { host: '127.0.0.1', port }
    },
    end: () => end(qemu),
  }
}

async function end(qemu: ChildProcess): Promise<void> {
  if (qemu.exitCode !== null || qemu.signalCode !== null) return
  const ended = once(qemu, 'exit')
  qemu.kill('SIGKILL')
  await ended
}
