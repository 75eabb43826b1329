import { z } from 'zod'

/** S3's rule for names ("Bucket naming rules"). */
const bucketName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'must be a bucket name: lower-case letters, digits, dots and dashes')

/** The section `buckets` of the configuration: what a bucket's name stands for. */
export const bucketsSchema = z.record(
  bucketName,
  z
    .strictObject({
      directory: z
        .string()
        .startsWith('/', 'expected an absolute path')
        .optional()
        .describe('A directory of this host, whose files are the objects. It must be there.'),
      endpoint: z
        .url({ protocol: /^https?$/, error: 'expected an http or https URL' })
        .optional()
        .describe(
          'Instead of a directory: the address of an S3-compatible store. Its keys are in `bucket-credentials.yaml`.',
        ),
      region: z.string().min(1).optional().describe('What the store calls its region; `us-east-1` when absent.'),
      bucket: bucketName.optional().describe("The bucket's name there, when it is another."),
      pathStyle: z
        .boolean()
        .optional()
        .describe('Whether the bucket stands in the path of addresses and not in the host name; `true` when absent.'),
      accounts: z
        .array(z.string().regex(/^\d{12}$/, 'expected twelve digits in quotes'))
        .optional()
        .describe('Who may use it; `account.id` alone when absent.'),
    })
    .refine(({ directory, endpoint }) => (directory === undefined) !== (endpoint === undefined), {
      error: 'expected either directory or endpoint',
    })
    .refine(
      ({ directory, region, bucket, pathStyle }) =>
        directory === undefined || (region === undefined && bucket === undefined && pathStyle === undefined),
      { error: 'region, bucket and pathStyle go with endpoint' },
    ),
)

export type BucketSettings = Readonly<z.infer<typeof bucketsSchema>[string]>
