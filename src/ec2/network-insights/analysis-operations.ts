import type { NetworkInsightsAnalysis } from '@aws-sdk/client-ec2'
import { type DescribeSource, selectRecords } from '../describe.ts'
import type { Domain } from '../domain.ts'
import { defineFilters } from '../filter.ts'
import { findOne, newId } from '../ids.ts'
import type { Ec2Mutation, Ec2Query } from '../operation.ts'
import { requireQuota } from '../quota.ts'
import { analyseNamedPath } from '../reachability/path-end.ts'
import { describeTags, putTags, readTagSpecifications } from '../tag/tag.ts'
import { describeAnalysedPath } from './describe-path.ts'
import { arnOf, type InsightsAnalysisRecord } from './network-insights.ts'

const resourceType = 'network-insights-analysis'
/** Without a port EC2 looks whether there is any; 80 stands for those that nobody names. */
const anyPort = 80

/** StartNetworkInsightsAnalysis: what is recorded at this moment decides, and it has ended when the call is answered. */
export function startNetworkInsightsAnalysis(domain: Domain): Ec2Mutation<'StartNetworkInsightsAnalysis'> {
  const { store, random, settings } = domain
  return {
    kind: 'mutation',
    parameters: ['NetworkInsightsPathId', 'TagSpecifications', 'ClientToken'],
    apply: (context, input) => {
      const tags = readTagSpecifications(input.TagSpecifications, [resourceType]).get(resourceType) ?? []
      const path = findOne('nip', input.NetworkInsightsPathId ?? '', (id) => store.insightsPaths.get(context, id))
      const present = store.insightsAnalyses.count(context)
      const code = 'NetworkInsightsAnalysis.LimitExceeded'
      requireQuota(settings.quotas, 'networkInsightsAnalyses', { present, code })
      const analysis = analyseNamedPath(domain, context, { ...path, port: path.port ?? anyPort })
      const { accountId, region } = context
      const record: InsightsAnalysisRecord = {
        ...{ accountId, region, id: newId('nia', random), pathId: path.id, startedAt: context.now.toISOString() },
        result: describeAnalysedPath(store, context, analysis),
      }
      store.insightsAnalyses.insert(record)
      putTags(store, context, record.id, resourceType, tags)
      return { NetworkInsightsAnalysis: describeAnalysis(domain, record) }
    },
  }
}

export function deleteNetworkInsightsAnalysis({ store }: Domain): Ec2Mutation<'DeleteNetworkInsightsAnalysis'> {
  return {
    kind: 'mutation',
    parameters: ['NetworkInsightsAnalysisId'],
    apply: (context, input) => {
      const { id } = findOne('nia', input.NetworkInsightsAnalysisId ?? '', (known) =>
        store.insightsAnalyses.get(context, known),
      )
      store.insightsAnalyses.remove(id)
      store.tags.removeAll(id)
      return { NetworkInsightsAnalysisId: id }
    },
  }
}

export function describeNetworkInsightsAnalyses(domain: Domain): Ec2Query<'DescribeNetworkInsightsAnalyses'> {
  const { store } = domain
  const source: DescribeSource<InsightsAnalysisRecord> = {
    collection: store.insightsAnalyses,
    prefix: 'nia',
    idParameter: 'networkInsightsAnalysisIds',
    filters: defineFilters(
      { 'path-found': ({ result }) => result.NetworkPathFound, status: () => 'succeeded' },
      ({ id }) => store.tags.of(id),
    ),
  }
  return {
    kind: 'query',
    parameters: [
      ...(['NetworkInsightsAnalysisIds', 'NetworkInsightsPathId', 'AnalysisStartTime', 'AnalysisEndTime'] as const),
      ...(['Filters', 'MaxResults', 'NextToken'] as const),
    ],
    filters: source.filters.names,
    answer: (context, input) => {
      const { NetworkInsightsPathId: pathId, AnalysisStartTime: from, AnalysisEndTime: to } = input
      if (pathId !== undefined) findOne('nip', pathId, (id) => store.insightsPaths.get(context, id))
      const page = selectRecords(source, context, {
        ...input,
        ids: input.NetworkInsightsAnalysisIds,
        where: (record) =>
          (pathId === undefined || record.pathId === pathId) &&
          (from === undefined || Date.parse(record.startedAt) >= from.getTime()) &&
          (to === undefined || Date.parse(record.startedAt) <= to.getTime()),
        ...(pathId === undefined ? {} : { among: { kind: 'member' as const, index: 'pathId', values: [pathId] } }),
      })
      return {
        NetworkInsightsAnalyses: page.records.map((record) => describeAnalysis(domain, record)),
        ...page.token,
      }
    },
  }
}

function describeAnalysis({ store }: Domain, record: InsightsAnalysisRecord): NetworkInsightsAnalysis {
  return {
    NetworkInsightsAnalysisId: record.id,
    NetworkInsightsAnalysisArn: arnOf(record, resourceType, record.id),
    NetworkInsightsPathId: record.pathId,
    StartDate: new Date(record.startedAt),
    Status: 'succeeded',
    ...record.result,
    Tags: describeTags(store.tags.of(record.id)),
  }
}
