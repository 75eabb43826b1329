import { expect, test } from 'vitest'
import { pastaArgv } from '../../../src/network/egress.ts'
import { firstNameserver } from '../../../src/network/host-facts.ts'

test("pasta's command line", () => {
  const options = { pidPath: '/state/networks/vpc-1/pasta.pid', holderPid: 42 }
  expect(pastaArgv({ ...options, isRoot: true }).join(' ')).toMatchInlineSnapshot(
    `"pasta --config-net --ipv4-only --no-map-gw --no-dhcp --quiet --address 169.254.169.249 --netmask 30 --gateway 169.254.169.250 --dns-forward 169.254.169.252 -I egress0 -P /state/networks/vpc-1/pasta.pid -t none -u none -T none -U none --runas 0 42"`,
  )
  expect(pastaArgv({ ...options, isRoot: false }).join(' ')).toMatchInlineSnapshot(
    `"pasta --config-net --ipv4-only --no-map-gw --no-dhcp --quiet --address 169.254.169.249 --netmask 30 --gateway 169.254.169.250 --dns-forward 169.254.169.252 -I egress0 -P /state/networks/vpc-1/pasta.pid -t none -u none -T none -U none 42"`,
  )
})

test('the resolver is the first nameserver that has an IPv4 address', () => {
  const text =
    '# by hand\n; nameserver 192.0.2.9\nsearch lan\n nameserver  fe80::1%eth0\nnameserver 127.0.0.53\nnameserver 192.0.2.1\n'
  expect(firstNameserver(text)).toBe('127.0.0.53')
  expect(firstNameserver('nameserver ::1\n')).toBeUndefined()
  expect(firstNameserver('')).toBeUndefined()
})
