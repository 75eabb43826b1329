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
}): Promise<BareMachine> {
  const { image, overlay, port, accelerator } = request
  await execa('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', image, '-F', 'qcow2', overlay])
  // User networking with nothing but the metadata service in it: `restrict` keeps the guest from the host's network.
  const network = [
    'user,id=net,restrict=on,net=169.254.169.0/24,host=169.254.169.2,dhcpstart=169.254.169.15',
    `hostfwd=tcp:127.0.0.1:${port}-:22`,
    `guestfwd=tcp:169.254.169.254:80-cmd:${metadataStub}`,
  ].join(',')
  const qemu = spawn(
    'qemu-system-x86_64',
    [
      ...['-machine', 'q35', '-accel', accelerator, '-cpu', accelerator === 'kvm' ? 'host' : 'max'],
      ...['-smp', '2', '-m', '512', '-display', 'none', '-serial', `file:${overlay}.console`],
      // By this nano knows that it may ask for metadata.
      ...['-smbios', 'type=1,serial=ec2-bare'],
      ...['-drive', `file=${overlay},if=virtio,format=qcow2`],
      ...['-netdev', network, '-device', 'virtio-net-pci,netdev=net'],
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
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
