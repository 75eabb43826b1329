import { z } from 'zod'

/** The metadata service. */
export const metadataInputs = {
  /** What verifies the signatures of instance identity documents. */
  KilnGetIdentityCertificate: z.strictObject({}),
  /** How much an instance asks of the metadata service and of what else the router of its VPC answers. */
  KilnDescribeMetadataUse: z.strictObject({ InstanceId: z.string() }),
}

export interface MetadataOutputs {
  KilnGetIdentityCertificate: {
    /** PEM. */
    Certificate: string
  }
  KilnDescribeMetadataUse: MetadataUse
}

export interface MetadataUse {
  InstanceId: string
  /** Since the daemon was started. */
  RequestCount: number
  /** Of these, those that were answered 503 for being too many. */
  ThrottledCount: number
}
