import { expect, test } from 'vitest'
import { dnsmasqConfiguration, dnsmasqHosts, dnsmasqNames, dnsmasqOptions } from '../../../src/network/dnsmasq.ts'
import { describeSubnet } from '../../../src/network/subnet.ts'
import { dualStackVpc, sampleVpc } from './sample-vpc.ts'

test("dnsmasq's configuration", () => {
  expect(dnsmasqConfiguration(sampleVpc(), '/state/networks/vpc-1')).toMatchInlineSnapshot(`
    "bind-dynamic
    no-hosts
    no-resolv
    server=127.0.0.1#5300
    add-subnet=32
    strip-subnet
    cache-size=0
    local-ttl=60
    domain-needed
    dns-forward-max=1024
    edns-packet-max=1232
    no-ping
    except-interface=egress0
    interface=lo,dhcp0,eni*
    bridge-interface=dhcp0,eni*
    pid-file=/state/networks/vpc-1/dnsmasq.pid
    dhcp-leasefile=/state/networks/vpc-1/dnsmasq.leases
    dhcp-hostsfile=/state/networks/vpc-1/dnsmasq.hosts
    dhcp-optsfile=/state/networks/vpc-1/dnsmasq.options
    addn-hosts=/state/networks/vpc-1/dnsmasq.names
    dhcp-authoritative
    dhcp-lease-max=65536
    dhcp-ignore-names
    domain=ec2.internal
    local=/ec2.internal/
    synth-domain=ec2.internal,172.31.0.0/16,ip-
    dhcp-range=set:subnet-1,172.31.0.0,static,255.255.240.0,1h
    dhcp-range=set:subnet-2,172.31.16.0,static,255.255.240.0,1h
    listen-address=169.254.169.253
    "
  `)
})

test('what guests are told by DHCP', () => {
  expect(dnsmasqOptions(sampleVpc())).toMatchInlineSnapshot(`
    "option:domain-name,ec2.internal
    option:domain-search,ec2.internal
    option:dns-server,172.31.0.2
    option:mtu,9001
    tag:subnet-1,option:router,172.31.0.1
    tag:subnet-2,option:router,172.31.16.1
    "
  `)
  const dhcp = {
    domainName: 'corp.example lab.internal',
    nameServers: ['10.0.0.53', 'AmazonProvidedDNS'],
    ntpServers: ['10.0.0.123'],
    netbiosNameServers: ['10.0.0.1', '10.0.0.2'],
    netbiosNodeType: 2,
  }
  expect(dnsmasqOptions(sampleVpc({ dhcp, subnets: [] }))).toMatchInlineSnapshot(`
    "option:domain-name,corp.example
    option:domain-search,corp.example,lab.internal
    option:dns-server,10.0.0.53,172.31.0.2
    option:mtu,9001
    option:ntp-server,10.0.0.123
    option:netbios-ns,10.0.0.1,10.0.0.2
    option:netbios-nodetype,2
    "
  `)
  expect(dnsmasqOptions(sampleVpc({ dhcp: { nameServers: [], ntpServers: [] }, subnets: [] }))).toMatchInlineSnapshot(`
    "option:domain-name
    option:dns-server
    option:mtu,9001
    "
  `)
})

test("dnsmasq's leases and names", () => {
  expect(dnsmasqHosts(sampleVpc())).toMatchInlineSnapshot(`
    "02:00:00:00:00:05,172.31.0.5,ip-172-31-0-5,1h
    02:00:00:00:00:06,172.31.0.6,ip-172-31-0-6,1h
    "
  `)
  expect(dnsmasqNames(sampleVpc())).toMatchInlineSnapshot(`
    "172.31.0.5 ip-172-31-0-5.ec2.internal i-00000000000000005.ec2.internal
    172.31.0.6 ip-172-31-0-6.ec2.internal i-00000000000000006.ec2.internal
    "
  `)
})

test('what a subnet tells its guests', () => {
  expect(describeSubnet('172.31.16.0/20')).toEqual({
    network: '172.31.16.0',
    netmask: '255.255.240.0',
    router: '172.31.16.1',
    prefixLength: 20,
  })
  expect(describeSubnet('10.0.0.192/28')).toMatchObject({ netmask: '255.255.255.240', router: '10.0.0.193' })
})

test('what IPv6 adds: the router is told of, no address is given', () => {
  const added = (withIpv6: string, without: string) => {
    const known = new Set(without.split('\n'))
    return withIpv6.split('\n').filter((line) => !known.has(line))
  }
  const [dual, plain] = [dualStackVpc(), dualStackVpc({ ipv6Cidrs: [] })]
  const configurations = [dual, plain].map((vpc) => dnsmasqConfiguration(vpc, '/state')) as [string, string]
  expect(added(...configurations)).toMatchInlineSnapshot(`
    [
      "add-subnet=32,128",
      "listen-address=fd00:ec2::253",
      "enable-ra",
      "quiet-ra",
      "dhcp-range=fd00:ec2::,static,off-link,64,1h",
      "ra-param=dhcp0,mtu:off,600,5400",
      "# told: subnet-1",
    ]
  `)
  expect(added(dnsmasqOptions(dual), dnsmasqOptions(plain))).toMatchInlineSnapshot(`
    [
      "option6:dns-server,[fd00:ec2::253]",
      "option6:domain-search,ec2.internal",
    ]
  `)
  expect(dnsmasqHosts(dual)).toBe(dnsmasqHosts(plain))
  expect(added(dnsmasqNames(dual), dnsmasqNames(plain))).toMatchInlineSnapshot(`
    [
      "fd12:3456:789a::5 i-00000000000000005.ec2.internal",
    ]
  `)
})
