import { gzipSync } from 'node:zlib'
import type { InstanceMetadataOptionsRequest } from '@aws-sdk/client-ec2'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { provideImage } from './images.ts'
import { type Lab, openLab, labUser, until } from './lab.ts'
import { prepareServers, type Servers } from './servers.ts'

const base64 = (text: string | Buffer) => Buffer.from(text).toString('base64')

/** Everything at once, packed as people pack it: a multipart message in gzip, a gzip script in it, one message in the other. */
const message = `Content-Type: multipart/mixed; boundary="=== outer ==="
MIME-Version: 1.0

--=== outer ===
Content-Type: text/x-shellscript; charset="utf-8"
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="packed.sh"

${base64(gzipSync('#!/bin/sh\necho packed >>/root/order\n'))}
--=== outer ===
Content-Type: text/cloud-config

hostname: web-1.example.org
packages: [nginx]   # nano installs nothing
ssh_authorized_keys:
  - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleOfTheLoginUser login@example
users:
  - default
  - name: deploy
    gecos: Deploys things
    groups: [staff, "web"]
    shell: /bin/sh
    sudo: "ALL=(ALL) NOPASSWD:ALL"
    ssh_authorized_keys:
      - KEY_OF_THE_TEST
  - name: Bad Name
write_files:
  - path: /etc/app/literal.conf
    permissions: '0640'
    owner: deploy:web
    content: |
      first: 'line'
        indented # kept
  - {path: /etc/app/folded, content: "tab\\there"}
  - path: /etc/app/folded
    append: true
    content: >-

      folded
      text
  - path: /etc/app/packed
    encoding: gz+b64
    content: ${base64(gzipSync('from gzip\n'))}
  - path: /etc/app/binary
    content: !!binary ${base64(Buffer.from([0, 1, 255]))}
  - path: relative
    content: no
runcmd:
  - cd /etc/app
  - [sh, -c, 'echo "$0 in $PWD" >>/root/order', "it's runcmd"]
  - {not: a command}
--=== outer ===
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/plain
Content-Transfer-Encoding: quoted-printable

#!/bin/sh
echo quoted=3Dprintable >>/root/ord=
er
--inner--
--=== outer ===
Content-Type: text/x-include-url

http://example.org/more
--=== outer ===--
`

/** Text that is itself base64, of a script for a shell that nano lacks, which fails and leaves something running. */
const encodedScript = base64(`#!/bin/bash
[[ -n $HOME ]] && echo run >>/root/runs
echo "said by the script"
sleep 100000 &
exit 3
`)

describe('user data and the life of a nano server', () => {
  let lab: Lab
  let servers: Servers
  const ids = { message: '', script: '', silent: '' }

  beforeAll(async () => {
    lab = await openLab(labUser)
    await lab.startDaemon()
    const imageId = await provideImage(lab, 'nano')
    servers = await prepareServers(lab)
    const { KeyPairs: pairs } = await lab.call('DescribeKeyPairs', { KeyNames: ['servers'], IncludePublicKey: true })
    const known = message.replace('KEY_OF_THE_TEST', pairs?.[0]?.PublicKey?.trim() ?? '')
    const launch = async (userData: string | Buffer, options: InstanceMetadataOptionsRequest) =>
      (await servers.launch(imageId, { UserData: base64(userData), MetadataOptions: options }))[0] ?? ''
    ids.message = await launch(gzipSync(known), { HttpTokens: 'required' })
    ids.script = await launch(encodedScript, { HttpTokens: 'optional' })
    ids.silent = await launch(encodedScript, { HttpEndpoint: 'disabled' })
    await Promise.all(Object.values(ids).map((id) => waitUntilReady(id)))
  })
  afterAll(async () => {
    await lab.close()
  })

  const run = (id: string, command: string) => servers.run(id, command)
  async function waitUntilReady(id: string): Promise<void> {
    await Promise.all([servers.waitForStage(id, 'cloud-init'), servers.waitForStage(id, 'ssh')])
  }
  async function readConsole(id: string): Promise<string> {
    const { Output: output = '' } = await lab.call('GetConsoleOutput', { InstanceId: id })
    return Buffer.from(output, 'base64').toString()
  }
  /** Asks EC2 for a reboot and waits for the guest's next boot. */
  async function reboot(id: string): Promise<void> {
    const before = await run(id, 'cat /proc/sys/kernel/random/boot_id')
    await lab.call('RebootInstances', { InstanceIds: [id] })
    await until(async () => {
      const now = await run(id, 'cat /proc/sys/kernel/random/boot_id').catch(() => before)
      return now !== before
    })
    await waitUntilReady(id)
  }

  test('runs the scripts of a packed multipart message in order, runcmd last', async () => {
    expect(await run(ids.message, 'sudo cat /root/order')).toBe("packed\nquoted=printable\nit's runcmd in /etc/app")
  })

  test('does what #cloud-config says', async () => {
    const looked = await run(
      ids.message,
      `hostname; hostname -f
       sudo stat -c '%a %U:%G' /etc/app/literal.conf; sudo cat /etc/app/literal.conf
       cat /etc/app/folded; echo; cat /etc/app/packed; od -An -tx1 /etc/app/binary
       grep -c ExampleOfTheLoginUser ~/.ssh/authorized_keys`,
    )
    expect(looked.split('\n')).toEqual([
      ...['web-1', 'web-1.example.org', '640 deploy:web', "first: 'line'", '  indented # kept'],
      ...['tab\there', 'folded text', 'from gzip', ' 00 01 ff', '1'],
    ])
    const { PublicIpAddress: address = '' } = await servers.describe(ids.message)
    const asDeploy = await lab.ssh(address, 'deploy', servers.keyFile, 'id; sudo id -u; grep deploy /etc/passwd')
    expect(asDeploy).toMatch(
      /uid=1001\(deploy\) gid=1001\(deploy\) groups=.*staff.*web.*\n0\ndeploy:x:1001:1001:Deploys things:\/home\/deploy:\/bin\/sh$/s,
    )
  })

  test('tells on the console and in a log what it did not understand', async () => {
    const complaints = [
      'part 2: line 2: the key "packages" of #cloud-config is not understood: ignored',
      'part 2: line 14: name of a user is not a name of lower-case letters, digits, - and _: ignored',
      'part 2: line 34: path of a file is not an absolute path: ignored',
      'part 2: line 39: a command is neither a line nor a list of words: not run',
      'part 4: an #include; nano fetches nothing, which nano does not understand: ignored',
    ]
    const shown = (await readConsole(ids.message)) + (await run(ids.message, 'sudo cat /var/log/user-data.log'))
    for (const complaint of complaints) expect(shown.split(`kiln: user data: ${complaint}`)).toHaveLength(3)
  })

  test.each([
    ['a kind that is unknown', 'hello\n', /of a kind that nano does not understand, it begins with "hello"/],
    ['a template', '## template: jinja\n#cloud-config\n', /a template, which nano does not understand: ignored/],
    ['damaged gzip', gzipSync('#!/bin/sh\n').subarray(0, 15), /damaged gzip: ignored/],
    ['what is not YAML', '#cloud-config\nusers: [a\nb: c\n', /not YAML, nothing of it is done: .*3/],
    ['keys of unknown meaning', '#cloud-config\n- a\n', /line 2: #cloud-config is not a mapping of keys: ignored/],
    ['a script that is no program', '#!/usr/bin/python3\n', /script 1: there is no \/usr\/bin\/python3: not run/],
    ['a script with the line ends of Windows', '#!/bin/sh\r\necho "unix $0"|sed s,/.*/,,\r\n', /^unix 001-script$/m],
    [
      'a message with no end',
      'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n#!/bin/sh\necho ran\n',
      /^ran$/m,
    ],
    [
      'an owner who is not there',
      '#cloud-config\nwrite_files: [{path: /x, owner: nobody:here}]\n',
      /write_files \/x: there is no user nobody/,
    ],
    [
      'anchors, and a key that stands twice',
      '#cloud-config\nruncmd: []\nruncmd: [&a [echo, "twice"], *a]\n',
      /line 3: runcmd a second time: this one counts\n(.*\n)*twice\ntwice$/,
    ],
    ['nothing', '\n', /^$/],
  ])('answers %s', async (_what, text, expected) => {
    const tried = `echo ${base64(text)} | base64 -d >/tmp/tried; sudo kiln-user-data /tmp/tried 2>&1`
    expect(await run(ids.message, tried)).toMatch(expected)
  })

  test('runs a script in base64, shows what it prints, and that it failed', async () => {
    expect(await run(ids.script, 'sudo cat /root/runs')).toBe('run')
    const console = await readConsole(ids.script)
    expect(console).toContain('said by the script')
    expect(console).toContain('kiln: user data: there is no bash on nano, busybox sh runs the script instead')
    expect(console).toContain('kiln: user data: script 1 failed with exit code 3')
  })

  test('boots without metadata where it is disabled, and says so', async () => {
    expect(await readConsole(ids.silent)).toContain('kiln: metadata: the service is disabled for this instance')
  })

  test('shows each stage of the boot with its seconds, in order', async () => {
    const { BootStages: stages } = await lab.call('KilnDescribeInstance', { InstanceId: ids.script })
    const seconds = Object.fromEntries(stages.map(({ Name: name, Seconds: at }) => [name, at ?? Number.NaN]))
    const order = ['firmware', 'kernel', 'network', 'metadata', 'ssh'].map((name) => seconds[name])
    expect(order).toEqual(order.toSorted((one, other) => (one ?? 0) - (other ?? 0)))
    expect(order.every((at) => at !== undefined && !Number.isNaN(at))).toBe(true)
  })

  test('reboots as a whole when EC2 is asked to, and keeps its keys and its configuration', async () => {
    const look = 'sudo md5sum /etc/dropbear/dropbear_ed25519_host_key'
    const before = await run(ids.script, look)
    await reboot(ids.script)
    expect(await run(ids.script, look)).toBe(before)
    expect(await run(ids.script, 'sudo cat /root/runs')).toBe('run')
  })

  test('is configured anew, with host keys of its own, when its disk has come to another instance', async () => {
    const look = 'sudo md5sum /etc/dropbear/dropbear_ed25519_host_key'
    const before = await run(ids.script, look)
    await run(
      ids.script,
      'sudo sh -c "echo i-of-the-template >/var/lib/kiln/instance-id; rm -r /var/lib/kiln/instance"',
    )
    await reboot(ids.script)
    expect(await run(ids.script, look)).not.toBe(before)
    expect(await run(ids.script, 'sudo cat /root/runs')).toBe('run\nrun')
  })

  test('leaves a clean file system when it is powered off while it works', async () => {
    const busy = 'while :; do dd if=/dev/zero of=/root/busy bs=1M count=4; done'
    await run(
      ids.script,
      `sudo sh -c '(${busy}) </dev/null >/dev/null 2>&1 & (trap "" TERM; exec sleep 99999) </dev/null >/dev/null 2>&1 &'`,
    )
    await lab.call('StopInstances', { InstanceIds: [ids.script] })
    await servers.waitForState(ids.script, 'stopped')
    await lab.call('StartInstances', { InstanceIds: [ids.script] })
    await waitUntilReady(ids.script)
    const kernelLog = await run(ids.script, 'sudo dmesg | grep EXT4')
    expect(kernelLog).toContain('mounted filesystem')
    expect(kernelLog).not.toMatch(/recover|orphan/)
  })
})
