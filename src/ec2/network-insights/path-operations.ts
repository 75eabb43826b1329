import type { NetworkInsightsPath } from '@aws-sdk/client-ec2'
import { type DescribeSource, selectRecords } from '../describe.ts'
import { canonicalAddress } from '../cidr.ts'
import type { Domain } from '../domain.ts'
import { Ec2Error, invalidParameterValue, missingParameter } from '../errors.ts'
import { defineFilters } from '../filter.ts'
import { findOne, newId } from '../ids.ts'
import type { Ec2Mutation, Ec2Query } from '../operation.ts'
import { requireQuota } from '../quota.ts'
import { requirePathEnd } from '../reachability/path-end.ts'
import { describeTags, putTags, readTagSpecifications } from '../tag/tag.ts'
import { arnOf, type InsightsPathRecord } from './network-insights.ts'

const resourceType = 'network-insights-path'

/** CreateNetworkInsightsPath: a question to be asked of the network; nothing is looked at yet. */
export function createNetworkInsightsPath(domain: Domain): Ec2Mutation<'CreateNetworkInsightsPath'> {
  const { store, random, settings } = domain
  return {
    kind: 'mutation',
    parameters: [
      ...(['Source', 'SourceIp', 'Destination', 'DestinationIp', 'Protocol', 'DestinationPort'] as const),
      ...(['TagSpecifications', 'ClientToken'] as const),
    ],
    apply: (context, input) => {
      const tags = readTagSpecifications(input.TagSpecifications, [resourceType]).get(resourceType) ?? []
      const { Source: source, Destination: destination, SourceIp: sourceIp, DestinationIp: destinationIp } = input
      if (!source) throw missingParameter('Source')
      if (!destination && !destinationIp) throw missingParameter('Destination')
      requireEnd('Source', () => requirePathEnd(store, context, source))
      if (destination) requireEnd('Destination', () => requirePathEnd(store, context, destination))
      for (const [name, address] of Object.entries({ SourceIp: sourceIp, DestinationIp: destinationIp })) {
        if (address !== undefined && canonicalAddress(address) === undefined) {
          throw invalidParameterValue(name, address.slice(0, 80), 'Expected an IPv4 or IPv6 address.')
        }
      }
      const present = store.insightsPaths.count(context)
      requireQuota(settings.quotas, 'networkInsightsPaths', { present, code: 'NetworkInsightsPath.LimitExceeded' })
      const { accountId, region } = context
      const record: InsightsPathRecord = {
        ...{ accountId, region, id: newId('nip', random), source: idOf(source), createdAt: context.now.toISOString() },
        ...(destination ? { destination: idOf(destination) } : {}),
        ...(sourceIp ? { sourceIp } : {}),
        ...(destinationIp ? { destinationIp } : {}),
        protocol: readProtocol(input.Protocol),
        ...(input.DestinationPort === undefined ? {} : { port: readPort(input.DestinationPort) }),
      }
      store.insightsPaths.insert(record)
      putTags(store, context, record.id, resourceType, tags)
      return { NetworkInsightsPath: describePath(domain, record) }
    },
  }
}

/**
 * EC2's codes for an end that is not there, and for the quotas of paths and analyses, stand in its CloudFormation handlers
 * (aws-cloudformation-resource-providers-ec2, networkinsightspath and networkinsightsanalysis); its list of error codes has none of them.
 */
function requireEnd(end: 'Source' | 'Destination', find: () => void): void {
  try {
    find()
  } catch (error) {
    if (!(error instanceof Ec2Error) || !error.code.endsWith('.NotFound')) throw error
    throw new Ec2Error(`NetworkInsights${end}.NotFound`, error.message)
  }
}

/** DeleteNetworkInsightsPath: its analyses must have gone before. */
export function deleteNetworkInsightsPath({ store }: Domain): Ec2Mutation<'DeleteNetworkInsightsPath'> {
  return {
    kind: 'mutation',
    parameters: ['NetworkInsightsPathId'],
    apply: (context, input) => {
      const { id } = findOne('nip', input.NetworkInsightsPathId ?? '', (known) =>
        store.insightsPaths.get(context, known),
      )
      if (store.insightsAnalyses.countBy('pathId', id) > 0) {
        throw new Ec2Error(
          'AnalysisExistsForNetworkInsightsPath',
          `The network insights path '${id}' has analyses and cannot be deleted.`,
        )
      }
      store.insightsPaths.remove(id)
      store.tags.removeAll(id)
      return { NetworkInsightsPathId: id }
    },
  }
}

export function describeNetworkInsightsPaths(domain: Domain): Ec2Query<'DescribeNetworkInsightsPaths'> {
  const { store } = domain
  const source: DescribeSource<InsightsPathRecord> = {
    collection: store.insightsPaths,
    prefix: 'nip',
    idParameter: 'networkInsightsPathIds',
    filters: defineFilters(
      {
        destination: (path) => path.destination,
        protocol: ({ protocol }) => protocol,
        source: (path) => path.source,
      },
      ({ id }) => store.tags.of(id),
    ),
  }
  return {
    kind: 'query',
    parameters: ['NetworkInsightsPathIds', 'Filters', 'MaxResults', 'NextToken'],
    filters: source.filters.names,
    answer: (context, input) => {
      const page = selectRecords(source, context, { ...input, ids: input.NetworkInsightsPathIds })
      return { NetworkInsightsPaths: page.records.map((path) => describePath(domain, path)), ...page.token }
    },
  }
}

function describePath({ store }: Domain, record: InsightsPathRecord): NetworkInsightsPath {
  const { id, source, sourceIp, destination, destinationIp, protocol, port, createdAt } = record
  return {
    NetworkInsightsPathId: id,
    NetworkInsightsPathArn: arnOf(record, resourceType, id),
    CreatedDate: new Date(createdAt),
    Source: source,
    SourceArn: arnOf(record, kindOf(source), source),
    ...(destination
      ? { Destination: destination, DestinationArn: arnOf(record, kindOf(destination), destination) }
      : {}),
    ...(sourceIp ? { SourceIp: sourceIp } : {}),
    ...(destinationIp ? { DestinationIp: destinationIp } : {}),
    Protocol: protocol,
    ...(port === undefined ? {} : { DestinationPort: port }),
    Tags: describeTags(store.tags.of(id)),
  }
}

function kindOf(id: string): string {
  if (id.startsWith('i-')) return 'instance'
  return id.startsWith('eni-') ? 'network-interface' : 'internet-gateway'
}

function idOf(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1)
}

function readProtocol(protocol: string | undefined): 'tcp' | 'udp' {
  if (!protocol) throw missingParameter('Protocol')
  if (protocol === 'tcp' || protocol === 'udp') return protocol
  throw invalidParameterValue('Protocol', protocol, 'Expected tcp or udp.')
}

function readPort(port: number): number {
  if (port >= 0 && port <= 65_535) return port
  throw invalidParameterValue('DestinationPort', port, 'Expected 0 to 65535.')
}
