import { z } from 'zod'
import type { FastLaunchState } from '../../ec2/fast-launch/fast-launch.ts'
import { type TemplateDepth, templateDepths } from '../../ec2/ports/machine-spec.ts'

/** Warm templates: what EC2's operations of Fast Launch have no words for. */
export const fastLaunchInputs = {
  /** Turns Fast Launch of an image of the caller's on, or adds to what it has. */
  KilnWarmImage: z.strictObject({
    ImageId: z.string(),
    /** Templates are made for these too. Absent: for the type that `kiln run` takes, where there is none yet. */
    InstanceTypes: z.array(z.string().min(1).max(64)).min(1).max(20).optional(),
    /** How far their guests have come. Absent: as it is, `booted` at first. */
    Depth: z.enum(templateDepths).optional(),
  }),
  /** The caller's images whose Fast Launch is on, and their templates. */
  KilnDescribeTemplates: z.strictObject({ ImageIds: z.array(z.string()).min(1).max(1000).optional() }),
}

export interface FastLaunchOutputs {
  KilnWarmImage: WarmImageDescription
  KilnDescribeTemplates: { Images: WarmImageDescription[]; Templates: TemplateDescription[] }
}

/** An image whose Fast Launch is on, or on its way. */
export interface WarmImageDescription {
  ImageId: string
  State: FastLaunchState
  StateTransitionReason: string
  StateTransitionTime: string
  Depth: TemplateDepth
  /** Those that have a template, or shall have one. */
  InstanceTypes: string[]
}

/** A machine that was booted once, for launches to go on from. */
export interface TemplateDescription {
  TemplateId: string
  ImageId: string
  InstanceType: string
  Depth: TemplateDepth
  State: 'making' | 'ready'
  CreateTime: string
  /** A digest of all that a machine must have in common with it to go on from it: QEMU, processor, memory, devices. */
  Shape: string
  /** What its files take on the disk: what its guest has written, its memory, its devices. Only once it is ready. */
  DiskBytes?: number
  MemoryBytes?: number
  DevicesBytes?: number
  /** Of its guest: as much is counted against `fastLaunch.maximumMib`. Only once it is ready. */
  MemoryMib?: number
  MadeInSeconds?: number
  UseCount?: number
  LastUseTime?: string
  /** The launches to come whose machines are loaded already. */
  PooledInstanceIds: string[]
}
