import { join } from 'node:path'
import { EC2Client, EC2ServiceException } from '@aws-sdk/client-ec2'
import type { Store } from '../../../src/ec2/ports/store.ts'
import { openStore } from '../../../src/store/store.ts'
import type { ApiLab } from './api-lab.ts'
import type { SigningKey } from './raw-query.ts'

/** Changes what the daemon has recorded, behind its back: time that has gone by, above all. */
export function changeRecords({ lab }: ApiLab, change: (store: Store) => void): void {
  const store = openStore(join(lab.home, 'kiln.db'))
  try {
    store.transaction(() => change(store))
  } finally {
    store.close()
  }
}

/** An access key of another account. */
export function grantKey(api: ApiLab, accountId: string): SigningKey {
  const id = `AKIA${accountId}TEST`
  const secret = 'not-much-of-a-secret'
  changeRecords(api, (store) => {
    if (store.accessKeys.find(id)) return
    const createdAt = new Date().toISOString()
    store.accessKeys.put({ id, accountId, secret, createdAt, isEnabled: true, isReadOnly: false, description: '' })
  })
  return { accessKeyId: id, secretAccessKey: secret }
}

/** A client of another account, in a region. */
export function openOtherAccount(api: ApiLab, accountId: string, region = 'us-east-1'): EC2Client {
  return new EC2Client({
    region,
    endpoint: api.endpointUrl,
    credentials: grantKey(api, accountId),
    maxAttempts: 1,
  })
}

/** The code that a call was refused with, `done` when it was not. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call
    return 'done'
  } catch (error) {
    if (error instanceof EC2ServiceException) return error.name
    const [, code] = /"Code":"([^"]+)"/.exec(error instanceof Error ? error.message : '') ?? []
    if (code === undefined) throw error
    return code
  }
}
