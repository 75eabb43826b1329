import { expect, test } from 'vitest'
import { dnsmasqConfiguration, dnsmasqHosts, dnsmasqNames } from '../../../src/network/dnsmasq.ts'
import { describeSubnet } from '../../../src/network/subnet.ts'
import { sampleVpc } from './sample-vpc.ts'

test("dnsmasq's configuration", () => {
  expect(dnsmasqConfiguration(sampleVpc(), '/state/networks/vpc-1')).toMatchInlineSnapshot(`
    "bind-dynamic
    no-hosts
    no-resolv
    server=169.254.169.252
    bogus-priv
    no-ping
    except-interface=egress0
    interface=lo,dhcp0,eni*
    bridge-interface=dhcp0,eni*
    pid-file=/state/networks/vpc-1/dnsmasq.pid
    dhcp-leasefile=/state/networks/vpc-1/dnsmasq.leases
    dhcp-hostsfile=/state/networks/vpc-1/dnsmasq.hosts
    addn-hosts=/state/networks/vpc-1/dnsmasq.names
    dhcp-authoritative
    dhcp-lease-max=65536
    dhcp-ignore-names
    domain=ec2.internal
    local=/ec2.internal/
    dhcp-option=option:domain-name,ec2.internal
    dhcp-option=option:domain-search,ec2.internal
    dhcp-option=option:dns-server,172.31.0.2
    dhcp-range=set:subnet-1,172.31.0.0,static,255.255.240.0,1h
    dhcp-option=tag:subnet-1,option:router,172.31.0.1
    dhcp-range=set:subnet-2,172.31.16.0,static,255.255.240.0,1h
    dhcp-option=tag:subnet-2,option:router,172.31.16.1
    listen-address=169.254.169.253
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
