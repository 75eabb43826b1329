import { EC2Client } from '@aws-sdk/client-ec2'
import type { ApiLab } from '../api-lab.ts'
import { type RawAnswer, type SigningKey, sendRaw } from '../raw-query.ts'
import { type Belongings, makeBelongings } from './belongings.ts'
import type { Parameters } from './trespass.ts'

/** An account in a region, with one thing of each kind. */
export interface Party {
  readonly own: Belongings
  /** In all of its names, descriptions and tags. */
  readonly word: string
  /** Calls an operation, with things of its own where `{kind}` stands. */
  ask(operation: string, parameters: Parameters): Promise<RawAnswer>
}

/** Makes the things of a party. */
export async function openParty(
  { endpointUrl }: ApiLab,
  { key, region, word, version }: { key: SigningKey; region: string; word: string; version: string },
): Promise<Party> {
  const ec2 = new EC2Client({ region, endpoint: endpointUrl, credentials: key, maxAttempts: 1 })
  const own = await makeBelongings(ec2, region, word)
  let names = 0
  const valueOf = (kind: string) => {
    if (kind === 'new name') return `${word}-new-${++names}`
    const value = own.get(kind)
    if (value === undefined) throw new Error(`nobody has a ${kind}`)
    return value
  }
  return {
    own,
    word,
    ask: (operation, parameters) => {
      const filled = Object.entries({ Action: operation, Version: version, ...parameters }).map(
        ([name, value]) =>
          `${name}=${encodeURIComponent(value.replace(/\{([^{}]+)\}/g, (_all, kind: string) => valueOf(kind)))}`,
      )
      return sendRaw(endpointUrl, { parameters: filled.join('&'), key, region })
    },
  }
}

/** What looks like a thing of that kind and never was one. */
export function inventLike(kind: string, value: string): string {
  if (kind.endsWith('name')) return 'phantom'
  if (kind === 'public address') return value.replace(/\d+$/, '250')
  const start = value.indexOf('-', kind.length)
  const digits = value
    .slice(start)
    .replace(/[0-9a-f]/g, (digit) => ((Number.parseInt(digit, 16) + 5) % 16).toString(16))
  return value.slice(0, start) + digits
}

/** An answer without what differs between two calls that mean the same: what was sent, and what is made anew each time. */
export function anonymise(text: string, sent?: string): string {
  return (sent === undefined ? text : text.replaceAll(sent, '(sent)'))
    .replace(/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, '(uuid)')
    .replace(/\b[a-z]+(-[a-z]+)*-[0-9a-f]{8,17}\b/g, '(id)')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '(time)')
    .replace(/-new-\d+/g, '(new)')
    .replace(/<versionNumber>\d+/g, '<versionNumber>')
}
