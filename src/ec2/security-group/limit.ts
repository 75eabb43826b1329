import { Ec2Error } from '../errors.ts'

/** EC2's default quotas ("Amazon VPC quotas"). */
const maximumGroupsPerInterface = 5
/** Rules of one direction in a group. */
export const maximumRules = 60
/** Groups of an account in a region. */
export const maximumGroups = 2500

/** Throws SecurityGroupsPerInterfaceLimitExceeded for more groups than an interface may have. */
export function refuseTooManyGroups(groups: readonly unknown[]): void {
  if (groups.length <= maximumGroupsPerInterface) return
  throw new Ec2Error(
    'SecurityGroupsPerInterfaceLimitExceeded',
    `A network interface can have at most ${maximumGroupsPerInterface} security groups, ${groups.length} were given.`,
  )
}
