import type { HostFacts } from '../../../src/manifest/host-facts.ts'
import { type Lab, labTag } from '../../../src/manifest/lab.ts'
import type { Observed, ObservedInstance } from '../../../src/manifest/observed.ts'
import { noNetwork } from '../../../src/manifest/observed-network.ts'
import { parseManifest } from '../../../src/manifest/parse.ts'
import type { Operation, Plan } from '../../../src/manifest/plan/plan.ts'

/** What the daemon has to offer. */
export const facts: HostFacts = {
  recipes: new Map([['nano', ['x86_64', 'i386', 'arm64']]]),
  catalog: new Map([['debian-12-arm64', 'arm64']]),
  instanceTypes: new Map([
    ['t3.micro', ['x86_64']],
    ['t3.small', ['x86_64']],
    ['t4g.micro', ['arm64']],
  ]),
}

/** What a daemon has before the first `up`. */
export const nothing: Observed = {
  images: [],
  keyPairs: [],
  securityGroups: [],
  instances: [],
  network: noNetwork,
  schedules: [],
  faults: [],
  zones: [],
  pipelines: [],
  warmImages: [],
}

/** A lab with a bit of everything: what it is compared with are changes of this text. */
export const manifest = `
name: shop
images: { base: { recipe: nano } }
keyPairs: { deploy: { type: ed25519 } }
securityGroups:
  web: { ingress: [{ ports: 80, from: 0.0.0.0/0 }, { ports: 9, from: db }] }
  db: { ingress: [{ ports: 5432, from: web }] }
instances:
  web:
    image: base
    count: 2
    keyPair: deploy
    securityGroups: [web]
    userData: one
    tags: { Role: front }
    dependsOn: [db]
    schedule: { stop: '0 18 * * *' }
  db: { image: base, securityGroups: [db] }
`

/** The lab that a manifest describes. */
export async function labOf(text = manifest): Promise<Lab> {
  return (await parseManifest({ text, file: 'lab.yaml' })).lab
}

/** What the daemon has after `up` of the manifest above. */
export const built: Observed = {
  network: noNetwork,
  images: [{ ImageId: 'ami-1', Name: 'nano', Architecture: 'x86_64', CreationDate: '2026-01-01' }],
  keyPairs: [{ KeyName: 'shop-deploy', KeyPairId: 'key-1', KeyType: 'ed25519', Tags: owned('keyPairs.deploy') }],
  securityGroups: [
    { GroupId: 'sg-0', GroupName: 'default' },
    group('sg-1', 'web', [
      { IpProtocol: 'tcp', FromPort: 80, ToPort: 80, IpRanges: [{ CidrIp: '0.0.0.0/0' }] },
      { IpProtocol: 'tcp', FromPort: 9, ToPort: 9, UserIdGroupPairs: [{ GroupId: 'sg-2' }] },
    ]),
    group('sg-2', 'db', [{ IpProtocol: 'tcp', FromPort: 5432, ToPort: 5432, UserIdGroupPairs: [{ GroupId: 'sg-1' }] }]),
  ],
  instances: [instance('web', 0), instance('web', 1), instance('db', 0)],
  pipelines: [],
  warmImages: [],
  zones: [],
  faults: [],
  schedules: [0, 1].map((index) => ({
    Name: `shop/instances.web[${index}]/stop`,
    InstanceIds: [`i-web${index}`],
    Action: 'stop',
    Cron: '0 18 * * *',
  })),
}

/** Tags of what a lab has made. */
export function owned(address: string) {
  return [
    { Key: labTag.lab, Value: 'shop' },
    { Key: labTag.resource, Value: address },
  ]
}

function group(id: string, key: string, rules: Observed['securityGroups'][number]['IpPermissions'] = []) {
  return {
    GroupId: id,
    GroupName: `shop-${key}`,
    Tags: owned(`securityGroups.${key}`),
    IpPermissions: rules ?? [],
    IpPermissionsEgress: [{ IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
  }
}

/** An instance of the lab, as it is after `up` but for these changes. */
export function instance(
  key: 'web' | 'db',
  index: number,
  changes: Partial<ObservedInstance['record']> = {},
): ObservedInstance {
  const address = `instances.${key}[${index}]`
  const isWeb = key === 'web'
  return {
    address,
    disk: 1,
    disableApiTermination: false,
    disableApiStop: false,
    ...(isWeb ? { userData: Buffer.from('one').toString('base64') } : {}),
    record: {
      InstanceId: `i-${key}${index}`,
      State: { Code: 16, Name: 'running' },
      InstanceType: 't3.micro',
      ...(isWeb ? { KeyName: 'shop-deploy' } : {}),
      SecurityGroups: [{ GroupName: `shop-${key}` }],
      Tags: [
        { Key: 'Name', Value: isWeb ? `shop-web-${index}` : 'shop-db' },
        ...(isWeb ? [{ Key: 'Role', Value: 'front' }] : []),
        ...owned(address),
        { Key: labTag.image, Value: 'nano' },
      ],
      ...changes,
    },
  }
}

/** All of the lab, with these instances instead of its own. */
export function withInstances(...instances: ObservedInstance[]): Observed {
  return { ...built, instances }
}

/** What a plan changes, a line each. */
export function lines({ changes }: Plan): string[] {
  return changes.flatMap(({ action, address, details }) => [
    `${action} ${address}`,
    ...details.map(({ name, old = '', new: wanted = '', forcesReplacement: isFatal }) =>
      `  ${name}: ${old} → ${wanted}${isFatal ? ' !' : ''}`.replaceAll('  →', ' →').trimEnd(),
    ),
  ])
}

/** Whether one operation comes before the other, on whatever way. */
export function precedes({ operations }: Plan, earlier: string, later: string): boolean {
  const byId = new Map<string, Operation>(operations.map((operation) => [operation.id, operation]))
  const before = (id: string): boolean =>
    (byId.get(id)?.after ?? []).some((other) => other === earlier || before(other))
  if (!byId.has(earlier) || !byId.has(later)) throw new Error(`${earlier} or ${later} is not planned`)
  return before(later)
}
