import { expect, test } from 'vitest'
import { pastaArgv } from '../../../src/network/egress.ts'

test("pasta's command line", () => {
  const options = { pidPath: '/state/networks/vpc-1/pasta.pid', holderPid: 42, carriesIpv6: false }
  expect(pastaArgv({ ...options, isRoot: true }).join(' ')).toMatchInlineSnapshot(
    `"pasta --config-net --ipv4-only --no-map-gw --no-dhcp --quiet --address 169.254.169.249 --netmask 30 --gateway 169.254.169.250 --mtu 1500 -I egress0 -P /state/networks/vpc-1/pasta.pid -t none -u none -T none -U none --runas 0 42"`,
  )
  expect(pastaArgv({ ...options, isRoot: false }).join(' ')).toMatchInlineSnapshot(
    `"pasta --config-net --ipv4-only --no-map-gw --no-dhcp --quiet --address 169.254.169.249 --netmask 30 --gateway 169.254.169.250 --mtu 1500 -I egress0 -P /state/networks/vpc-1/pasta.pid -t none -u none -T none -U none 42"`,
  )
  expect(pastaArgv({ ...options, isRoot: false, carriesIpv6: true }).join(' ')).toMatchInlineSnapshot(
    `"pasta --config-net --no-dhcpv6 --no-ra --no-map-gw --no-dhcp --quiet --address 169.254.169.249 --netmask 30 --gateway 169.254.169.250 --address fd00:ec2:ffff::249 --gateway fd00:ec2:ffff::250 --mtu 1500 -I egress0 -P /state/networks/vpc-1/pasta.pid -t none -u none -T none -U none 42"`,
  )
})
