import { z } from 'zod'
import { Ec2Error } from '../errors.ts'
import type { Architecture } from '../ports/accelerator.ts'

/** An instance type of EC2's: how much of the host a machine gets. */
export interface InstanceType {
  readonly name: string
  readonly vCpus: number
  readonly threadsPerCore: number
  readonly memoryMib: number
  readonly architectures: readonly Architecture[]
  readonly isCurrentGeneration: boolean
  readonly isBurstable: boolean
  readonly isFreeTierEligible: boolean
  readonly manufacturer: CpuManufacturer
  /** Absent: EC2 publishes none. */
  readonly clockGhz?: number
  readonly hypervisor: 'nitro' | 'xen'
  readonly supportedBootModes: readonly ('legacy-bios' | 'uefi')[]
  /** Whether its machines may have a TPM 2.0. */
  readonly hasTpm: boolean
  readonly ebsOptimizedSupport: 'default' | 'unsupported'
  /** EC2's text: `Up to 5 Gigabit`. */
  readonly networkPerformance: string
  readonly maximumInterfaces: number
  readonly addressesPerInterface: number
  /** 0: the type has no IPv6. */
  readonly ipv6AddressesPerInterface: number
}

/** Who makes the processors, in the words of instance requirements. */
const cpuManufacturers = ['intel', 'amd', 'amazon-web-services'] as const
export type CpuManufacturer = (typeof cpuManufacturers)[number]

export interface InstanceTypeCatalog {
  find(name: string): InstanceType | undefined
  /** Throws InvalidInstanceType… in EC2's words when there is none. */
  get(name: string): InstanceType
  list(): readonly InstanceType[]
}

/** Shape of config/instance-types.yaml: families with what their sizes share. */
export const instanceTypeFileSchema = z.strictObject({
  families: z.record(
    z.string(),
    z.strictObject({
      architectures: z.array(z.enum(['x86_64', 'i386', 'arm64'])).min(1),
      currentGeneration: z.boolean().optional(),
      burstable: z.boolean().optional(),
      threadsPerCore: z.number().int().min(1).max(2),
      manufacturer: z.enum(cpuManufacturers),
      clockGhz: z.number().positive().optional(),
      hypervisor: z.enum(['nitro', 'xen']).optional(),
      ebsOptimized: z.enum(['default', 'unsupported']).optional(),
      network: z.string(),
      ipv6: z.boolean().optional(),
      sizes: z.record(
        z.string(),
        z.strictObject({
          vCpus: z.number().int().positive(),
          memoryGib: z.number().positive(),
          interfaces: z.number().int().positive(),
          addresses: z.number().int().positive(),
          freeTier: z.boolean().optional(),
        }),
      ),
    }),
  ),
})

export function createInstanceTypeCatalog(file: z.infer<typeof instanceTypeFileSchema>): InstanceTypeCatalog {
  const types = Object.entries(file.families).flatMap(([family, shared]) =>
    Object.entries(shared.sizes).map(
      ([size, own]): InstanceType => ({
        name: `${family}.${size}`,
        vCpus: own.vCpus,
        threadsPerCore: own.vCpus === 1 ? 1 : shared.threadsPerCore,
        // EC2 tells whole MiB: an m1.small of 1.7 GiB has 1740.
        memoryMib: Math.floor(own.memoryGib * 1024),
        architectures: shared.architectures,
        isCurrentGeneration: shared.currentGeneration ?? true,
        isBurstable: shared.burstable ?? false,
        isFreeTierEligible: own.freeTier ?? false,
        manufacturer: shared.manufacturer,
        ...(shared.clockGhz === undefined ? {} : { clockGhz: shared.clockGhz }),
        hypervisor: shared.hypervisor ?? 'nitro',
        supportedBootModes: bootModesOf(shared.architectures, shared.hypervisor ?? 'nitro'),
        hasTpm: shared.hypervisor !== 'xen',
        ebsOptimizedSupport: shared.ebsOptimized ?? 'default',
        networkPerformance: shared.network,
        maximumInterfaces: own.interfaces,
        addressesPerInterface: own.addresses,
        // As many as of version 4, on every type that has any ("IP addresses per network interface").
        ipv6AddressesPerInterface: (shared.ipv6 ?? true) ? own.addresses : 0,
      }),
    ),
  )
  const byName = new Map(types.map((type) => [type.name, type]))
  return {
    find: (name) => byName.get(name),
    get: (name) => {
      const type = byName.get(name)
      if (!type) throw unknownInstanceType(name)
      return type
    },
    list: () => types,
  }
}

/** As EC2 has it: Graviton boots by UEFI only, and the Xen types by a BIOS only. */
function bootModesOf(
  architectures: readonly Architecture[],
  hypervisor: InstanceType['hypervisor'],
): InstanceType['supportedBootModes'] {
  if (architectures.includes('arm64')) return ['uefi']
  return hypervisor === 'xen' ? ['legacy-bios'] : ['legacy-bios', 'uefi']
}

/** What EC2 answers for an instance type that does not exist. */
export function unknownInstanceType(name: string): Ec2Error {
  return new Ec2Error('InvalidParameterValue', `Invalid value '${name.slice(0, 80)}' for InstanceType.`)
}
