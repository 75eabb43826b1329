import type { Domain } from '../../ec2/domain.ts'
import { describeSpotPriceHistory } from '../../ec2/spot/describe-spot-price-history.ts'
import { describeSpotInstanceRequests } from '../../ec2/spot/describe-spot-requests.ts'
import { cancelSpotInstanceRequests, requestSpotInstances } from '../../ec2/spot/request-spot-instances.ts'
import type { AnyOperation } from '../dispatch.ts'

export function spotOperations(domain: Domain) {
  return {
    RequestSpotInstances: requestSpotInstances(domain),
    DescribeSpotInstanceRequests: describeSpotInstanceRequests(domain),
    CancelSpotInstanceRequests: cancelSpotInstanceRequests(domain),
    DescribeSpotPriceHistory: describeSpotPriceHistory(domain),
  } satisfies Record<string, AnyOperation>
}
