import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { provideImage } from '../e2e/images.ts'
import { type Lab, openLab, labUser } from '../e2e/lab.ts'
import { prepareServers, type Servers } from '../e2e/servers.ts'

let lab: Lab
let servers: Servers

beforeAll(async () => {
  lab = await openLab(labUser)
  await lab.startDaemon()
  servers = await prepareServers(lab, 'admin')
})
afterAll(async () => {
  expect(await lab.close()).toEqual([])
})

describe.each([
  ['i386', 't2.micro', 'i686', 'legacy-bios'],
  ['arm64', 't4g.micro', 'aarch64', 'uefi'],
] as const)('a Debian of %s', (architecture, type, machine, bootMode) => {
  let id: string

  test('is installed by its recipe, boots and lets its user in', async () => {
    ;[id = ''] = await servers.launch(await provideImage(lab, `debian-12-${architecture}`), {
      InstanceType: type,
      // An RSA key takes an emulated processor long.
      UserData: Buffer.from('#cloud-config\nssh_genkeytypes: [ed25519]\n').toString('base64'),
    })
    await servers.waitForStage(id, 'ssh')
    expect(await servers.run(id, 'id -un; uname -m; dpkg --print-architecture')).toBe(
      `admin\n${machine}\n${architecture}`,
    )
    expect(await servers.describe(id)).toMatchObject({
      Architecture: architecture,
      CurrentInstanceBootMode: bootMode,
    })
  })

  test('is configured by cloud-init from the metadata service, with nothing that failed', async () => {
    await servers.waitForStage(id, 'cloud-init')
    expect(await servers.run(id, 'cloud-init status --wait | tail -n 1; cat /run/cloud-init/cloud-id')).toBe(
      'status: done\naws',
    )
    const { PrivateIpAddress: privateIp = '' } = await servers.describe(id)
    expect(await servers.run(id, 'hostname')).toBe(`ip-${privateIp.replaceAll('.', '-')}`)
    expect(await servers.run(id, 'systemctl --failed --no-legend')).toBe('')
  })

  test('has one machine-id, its own, and stops by the power button', async () => {
    const [own = '', ...journals] = (await servers.run(id, 'cat /etc/machine-id; ls /var/log/journal')).split('\n')
    expect(own).toMatch(/^[0-9a-f]{32}$/)
    expect(journals).toEqual([own])
    await servers.run(id, 'echo kept >kept; sync')
    await lab.call('StopInstances', { InstanceIds: [id] })
    await servers.waitForState(id, 'stopped')
    await lab.call('StartInstances', { InstanceIds: [id] })
    await servers.waitForStage(id, 'ssh')
    expect(await servers.run(id, 'cat kept /etc/machine-id; ls /var/log/journal')).toBe(`kept\n${own}\n${own}`)
    // Its disk was left clean.
    expect(await servers.run(id, "sudo journalctl -b -k --grep 'recovery complete' -q --no-pager || true")).toBe('')
    await lab.call('TerminateInstances', { InstanceIds: [id] })
    await servers.waitForState(id, 'terminated')
  })
})
