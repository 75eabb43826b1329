import type { Domain } from '../ec2/domain.ts'
import { deregisterImage } from '../ec2/image/deregister-image.ts'
import { describeImages } from '../ec2/image/describe-images.ts'
import { registerImage } from '../ec2/image/register-image.ts'
import { describeInstanceTypeOfferings, describeInstanceTypes } from '../ec2/instance-type/describe-instance-types.ts'
import { rebootInstances, startInstances, stopInstances, terminateInstances } from '../ec2/instance/change-state.ts'
import { describeInstanceAttribute } from '../ec2/instance/describe-attribute.ts'
import { describeInstanceCreditSpecifications } from '../ec2/instance/describe-credits.ts'
import { getConsoleOutput, getConsoleScreenshot } from '../ec2/instance/console.ts'
import { describeInstanceStatus } from '../ec2/instance/describe-instance-status.ts'
import { describeInstances } from '../ec2/instance/describe-instances.ts'
import { modifyInstanceAttribute } from '../ec2/instance/modify-attribute.ts'
import { runInstances } from '../ec2/instance/run-instances.ts'
import { createKeyPair, deleteKeyPair, describeKeyPairs, importKeyPair } from '../ec2/key-pair/key-pair-operations.ts'
import { describeAvailabilityZones, describeRegions } from '../ec2/region/describe-regions.ts'
import {
  authorizeSecurityGroupEgress,
  authorizeSecurityGroupIngress,
  revokeSecurityGroupEgress,
  revokeSecurityGroupIngress,
} from '../ec2/security-group/change-rules.ts'
import { createSecurityGroup, deleteSecurityGroup } from '../ec2/security-group/create-group.ts'
import { describeSecurityGroupRules, describeSecurityGroups } from '../ec2/security-group/describe-groups.ts'
import { deleteSnapshot } from '../ec2/snapshot/delete-snapshot.ts'
import { describeSnapshots } from '../ec2/snapshot/describe-snapshots.ts'
import { createTags, deleteTags, describeTags } from '../ec2/tag/tag-operations.ts'
import { describeVolumes } from '../ec2/volume/describe-volumes.ts'
import { describeSubnets, describeVpcs } from '../ec2/vpc/describe-vpcs.ts'
import type { AnyOperation } from './dispatch.ts'
import { getCallerIdentity } from './get-caller-identity.ts'
import { type KilnDependencies, kilnOperations } from './kiln-handlers.ts'

/** THE table: every operation that Kiln offers, for every front end. docs/add-an-operation.md says how to add one. */
export function operationTable(domain: Domain, kiln: KilnDependencies): ReadonlyMap<string, AnyOperation> {
  const operations = {
    // Instances
    RunInstances: runInstances(domain),
    DescribeInstances: describeInstances(domain),
    DescribeInstanceStatus: describeInstanceStatus(domain),
    StartInstances: startInstances(domain),
    StopInstances: stopInstances(domain),
    RebootInstances: rebootInstances(domain),
    TerminateInstances: terminateInstances(domain),
    DescribeInstanceAttribute: describeInstanceAttribute(domain),
    ModifyInstanceAttribute: modifyInstanceAttribute(domain),
    DescribeInstanceCreditSpecifications: describeInstanceCreditSpecifications(domain),
    GetConsoleOutput: getConsoleOutput(domain),
    GetConsoleScreenshot: getConsoleScreenshot(domain),
    DescribeInstanceTypes: describeInstanceTypes(domain),
    DescribeInstanceTypeOfferings: describeInstanceTypeOfferings(domain),
    // Images and snapshots
    DescribeImages: describeImages(domain),
    RegisterImage: registerImage(domain),
    DeregisterImage: deregisterImage(domain),
    DescribeSnapshots: describeSnapshots(domain),
    DeleteSnapshot: deleteSnapshot(domain),
    DescribeVolumes: describeVolumes(domain),
    // Key pairs and tags
    CreateKeyPair: createKeyPair(domain),
    ImportKeyPair: importKeyPair(domain),
    DescribeKeyPairs: describeKeyPairs(domain),
    DeleteKeyPair: deleteKeyPair(domain),
    CreateTags: createTags(domain),
    DeleteTags: deleteTags(domain),
    DescribeTags: describeTags(domain),
    // Network
    CreateSecurityGroup: createSecurityGroup(domain),
    DescribeSecurityGroups: describeSecurityGroups(domain),
    DescribeSecurityGroupRules: describeSecurityGroupRules(domain),
    DeleteSecurityGroup: deleteSecurityGroup(domain),
    AuthorizeSecurityGroupIngress: authorizeSecurityGroupIngress(domain),
    AuthorizeSecurityGroupEgress: authorizeSecurityGroupEgress(domain),
    RevokeSecurityGroupIngress: revokeSecurityGroupIngress(domain),
    RevokeSecurityGroupEgress: revokeSecurityGroupEgress(domain),
    DescribeVpcs: describeVpcs(domain),
    DescribeSubnets: describeSubnets(domain),
    // Regions and account
    DescribeRegions: describeRegions(domain),
    DescribeAvailabilityZones: describeAvailabilityZones(domain),
    GetCallerIdentity: getCallerIdentity(),
    ...kilnOperations(domain, kiln),
  } satisfies Record<string, AnyOperation>
  return new Map(Object.entries(operations))
}
