import type { Domain } from '../../ec2/domain.ts'
import {
  deleteNetworkInsightsAnalysis,
  describeNetworkInsightsAnalyses,
  startNetworkInsightsAnalysis,
} from '../../ec2/network-insights/analysis-operations.ts'
import {
  createNetworkInsightsPath,
  deleteNetworkInsightsPath,
  describeNetworkInsightsPaths,
} from '../../ec2/network-insights/path-operations.ts'
import type { AnyOperation } from '../dispatch.ts'

export function networkInsightsOperations(domain: Domain) {
  return {
    CreateNetworkInsightsPath: createNetworkInsightsPath(domain),
    DescribeNetworkInsightsPaths: describeNetworkInsightsPaths(domain),
    DeleteNetworkInsightsPath: deleteNetworkInsightsPath(domain),
    StartNetworkInsightsAnalysis: startNetworkInsightsAnalysis(domain),
    DescribeNetworkInsightsAnalyses: describeNetworkInsightsAnalyses(domain),
    DeleteNetworkInsightsAnalysis: deleteNetworkInsightsAnalysis(domain),
  } satisfies Record<string, AnyOperation>
}
