import type { Domain } from '../domain.ts'
import { invalidParameterValue } from '../errors.ts'
import type { CallContext, Ec2Query } from '../operation.ts'

/** DescribeAccountAttributes: what the account has and may have in the region. */
export function describeAccountAttributes(domain: Domain): Ec2Query<'DescribeAccountAttributes'> {
  const { store, settings } = domain
  const attributes: Readonly<Record<string, (context: CallContext) => string>> = {
    'supported-platforms': () => 'VPC',
    'default-vpc': (context) => store.vpcs.list(context).find(({ isDefault }) => isDefault)?.id ?? 'none',
    // EC2's own number since it counts processors instead: the host's capacity is what limits.
    'max-instances': () => '20',
    'vpc-max-security-groups-per-interface': () => String(settings.quotas.securityGroupsPerInterface),
    'max-elastic-ips': () => String(settings.quotas.elasticAddresses),
    'vpc-max-elastic-ips': () => String(settings.quotas.elasticAddresses),
  }
  return {
    kind: 'query',
    parameters: ['AttributeNames'],
    answer: (context, input) => {
      const asked: readonly string[] = input.AttributeNames ?? []
      const unknown = asked.find((name) => !Object.hasOwn(attributes, name))
      if (unknown !== undefined) {
        throw invalidParameterValue('attributeName', unknown.slice(0, 80), 'There is no such attribute.')
      }
      const shown = Object.entries(attributes).filter(([name]) => asked.length === 0 || asked.includes(name))
      return {
        AccountAttributes: shown.map(([name, read]) => ({
          AttributeName: name,
          AttributeValues: [{ AttributeValue: read(context) }],
        })),
      }
    },
  }
}

/** Kinds of resources whose ids could be short once. */
const resources = [
  ...['bundle', 'conversion-task', 'customer-gateway', 'dhcp-options', 'elastic-ip-allocation'],
  ...['elastic-ip-association', 'export-task', 'flow-log', 'image', 'import-task', 'instance', 'internet-gateway'],
  ...['network-acl', 'network-acl-association', 'network-interface', 'network-interface-attachment', 'prefix-list'],
  ...['reservation', 'route-table', 'route-table-association', 'security-group', 'snapshot', 'subnet'],
  ...['subnet-cidr-block-association', 'volume', 'vpc', 'vpc-cidr-block-association', 'vpc-endpoint'],
  ...['vpc-peering-connection', 'vpn-connection', 'vpn-gateway'],
]

/** DescribeIdFormat: all ids are long, as on EC2 since 2018. */
export function describeIdFormat(): Ec2Query<'DescribeIdFormat'> {
  return {
    kind: 'query',
    parameters: ['Resource'],
    answer: (_context, { Resource: asked }) => {
      if (asked !== undefined && !resources.includes(asked)) {
        throw invalidParameterValue('resource', asked.slice(0, 80), 'There is no such type of resource.')
      }
      const shown = asked === undefined ? resources : [asked]
      return { Statuses: shown.map((resource) => ({ Resource: resource, UseLongIds: true })) }
    },
  }
}
