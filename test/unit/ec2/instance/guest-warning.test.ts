import { expect, test } from 'vitest'
import { findGuestWarnings } from '../../../../src/ec2/instance/guest-warning.ts'

test("finds what cloud-init complains of among the console's lines", () => {
  const console = `[  353.395086] cloud-init[520]: Cloud-init v. 22.4.2 running 'modules:final' at Wed, 25 Nov 2026 02:31:37 +0000. Up 350.69 seconds.\r
[  356.846531] cloud-init[520]: 2026-11-25 02:31:43,775 - cc_scripts_user.py[WARNING]: Failed to run module scripts-user (scripts in /var/lib/cloud/instance/scripts)\r
[  356.857491] cloud-init[520]: 2026-11-25 02:31:43,789 - util.py[WARNING]: Running module scripts-user (<module 'cloudinit.config.cc_scripts_user' from '/usr/lib/python3/dist-packages/cloudinit/config/cc_scripts_user.py'>) failed\r
[  362.903228] cloud-init[520]: Cloud-init v. 22.4.2 finished at Wed, 25 Nov 2026 02:31:49 +0000.\r
`
  expect(findGuestWarnings(console.split('\n'))).toEqual([
    'Failed to run module scripts-user (scripts in /var/lib/cloud/instance/scripts)',
    'Running module scripts-user failed',
  ])
})

test('says nothing of what cloud-init finds wrong with every instance that has several IPv6 addresses', () => {
  const line =
    '[ 30.1] cloud-init[320]: 2026-11-30 11:59:00,000 - DataSourceEc2.py[WARNING]: Could not parse subnet-ipv6-cidr-block None for mac 02:80:d0:0b:e9:44. ipv6 network config prefix defaults to /128'
  expect(findGuestWarnings([line])).toEqual([])
})

test('takes no other program for cloud-init', () => {
  expect(findGuestWarnings(['[ 1.0] systemd[1]: a - b.py[WARNING]: c', 'WARNING: cloud-init[1]: nothing'])).toEqual([])
})

test('takes the complaints of nano too, behind a login prompt as well', () => {
  expect(
    findGuestWarnings(['kiln: boot stage metadata', 'web login: kiln: user data: script 1 failed with exit code 3\r']),
  ).toEqual(['user data: script 1 failed with exit code 3'])
})
