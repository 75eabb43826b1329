import { expect, test } from 'vitest'
import { type DhcpConfiguration, describeDhcp } from '../../../../src/ec2/dhcp-options/dhcp-options.ts'

function optionsOf(...configurations: readonly DhcpConfiguration[]) {
  return { accountId: '000000000000', region: 'us-east-1', id: 'dopt-1', configurations }
}

test('options are what guests are told, and no more than that', () => {
  expect(describeDhcp(undefined)).toEqual({ nameServers: [], ntpServers: [], netbiosNameServers: [] })
  expect(
    describeDhcp(
      optionsOf(
        { key: 'domain-name', values: ['lab.test'] },
        { key: 'domain-name-servers', values: ['AmazonProvidedDNS'] },
        { key: 'netbios-node-type', values: ['2'] },
        { key: 'ipv6-address-preferred-lease-time', values: ['600'] },
      ),
    ),
  ).toEqual({
    domainName: 'lab.test',
    nameServers: ['AmazonProvidedDNS'],
    ntpServers: [],
    netbiosNameServers: [],
    netbiosNodeType: 2,
    ipv6PreferredLeaseSeconds: 600,
  })
})
