import { z } from 'zod'

/** What has happened. */
export const eventInputs = {
  /** State changes after the event of that number, of all accounts and regions, oldest first. */
  KilnDescribeEvents: z.strictObject({
    AfterEventNumber: z.number().int().nonnegative().optional(),
    MaxResults: z.number().int().min(1).max(1000).optional(),
  }),
}

export interface EventOutputs {
  KilnDescribeEvents: { Events: EventDescription[] }
}

export interface EventDescription {
  Number: number
  Time: string
  /** `instance-state-change`, `image-state-change`, `machine-problem`, `task`, … */
  Kind: string
  ResourceId: string
  Message: string
  Detail?: Record<string, string>
}
