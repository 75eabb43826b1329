import { generateKeyPairSync } from 'node:crypto'
import type { Random } from '../../host/random.ts'
import { describeDhcp } from '../dhcp-options/dhcp-options.ts'
import type { InstanceRecord } from '../instance/instance.ts'
import { privateHostNameOf } from '../instance/private-dns.ts'
import { ipv4OfNumber, parseIpv4Block } from '../ipv4.ts'
import { amazonProvidedDns } from '../ports/dhcp.ts'
import { resolverAddress } from '../ports/service-address.ts'
import { vpcMtu } from '../ports/vpc-network.ts'
import type { Store } from '../ports/store.ts'
import { hasDnsSupport, privateDomainOf } from '../vpc/vpc.ts'
import type { CloneIdentity } from './identity.ts'

/** Who an instance is that goes on from a template, each time with other secrets. Undefined when it has no network to be told of. */
export function makeIdentity(
  { store, random }: { store: Store; random: Random },
  instance: InstanceRecord,
  waitFor: CloneIdentity['waitFor'],
): CloneIdentity | undefined {
  const primary = store.interfaces
    .listBy('attachment.instanceId', instance.id)
    .find(({ attachment }) => attachment?.deviceIndex === 0)
  const vpc = store.vpcs.find(instance.vpcId)
  const subnetBlock = parseIpv4Block(store.subnets.find(instance.subnetId)?.cidr ?? '')
  if (!primary || !vpc || !subnetBlock) return undefined
  const fullName = privateHostNameOf(store, instance)
  const dhcp = describeDhcp(store.dhcpOptions.find(vpc.dhcpOptionsId))
  const resolver = hasDnsSupport(vpc) ? [resolverAddress(vpc.cidr)] : []
  const domain = dhcp.domainName ?? privateDomainOf(vpc.region)
  return {
    instanceId: instance.id,
    seed: random.bytes(64),
    machineId: random.uuid().replaceAll('-', ''),
    systemUuid: instance.uuid,
    hostName: fullName.split('.')[0] ?? fullName,
    fullName,
    networkInterface: {
      mac: primary.macAddress,
      address: `${primary.privateIp}/${subnetBlock.prefixLength}`,
      gateway: ipv4OfNumber(subnetBlock.base + 1),
      nameServers: dhcp.nameServers.flatMap((server) => (server === amazonProvidedDns ? resolver : [server])),
      domain,
      mtu: vpcMtu,
    },
    ...(instance.publicKey === undefined
      ? {}
      : { loginKey: `${instance.publicKey} ${instance.keyName ?? 'key'}`.trim() }),
    sshHostKey: makeHostKey(),
    waitFor,
  }
}

function makeHostKey(): CloneIdentity['sshHostKey'] {
  const { d = '', x = '' } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
  return { seed: Buffer.from(d, 'base64url'), publicKey: Buffer.from(x, 'base64url') }
}
