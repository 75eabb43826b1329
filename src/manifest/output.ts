import { suggest } from './suggest.ts'

/** What outputs may tell, by section. EC2's names for what EC2 has. */
export const outputAttributes = {
  instances: [
    'instanceId',
    'imageId',
    'instanceType',
    'privateIpAddress',
    'ipv6Address',
    'privateDnsName',
    'publicIpAddress',
    'publicDnsName',
    'name',
    'loginUser',
  ],
  images: ['imageId', 'name'],
  keyPairs: ['keyName', 'keyPairId', 'privateKeyFile'],
  securityGroups: ['groupId', 'groupName'],
} as const

export type OutputSection = keyof typeof outputAttributes

/** `${instances.web[0].publicIpAddress}` taken apart. */
interface Reference {
  readonly section: OutputSection
  readonly key: string
  /** Of an instance; 0 when the template has none. */
  readonly index: number
  readonly attribute: string
}

const placeholder = /\$\{([^}]*)\}/g
const referencePattern = /^([A-Za-z]+)\.([A-Za-z][A-Za-z0-9_-]*)(?:\[(\d{1,4})\])?\.([A-Za-z]+)$/

/** What is wrong with a template; `countOf` tells how many there are of a key, undefined when the manifest has no such key. */
export function checkTemplate(
  template: string,
  names: Readonly<Record<OutputSection, readonly string[]>>,
  countOf: (instance: string) => number | undefined,
): string[] {
  const problems = [...template.matchAll(placeholder)].flatMap(([, text = '']) => checkReference(text, names, countOf))
  if (template.replace(placeholder, '').includes('${')) problems.push('a ${ has no } after it.')
  return problems
}

function checkReference(
  text: string,
  names: Readonly<Record<OutputSection, readonly string[]>>,
  countOf: (instance: string) => number | undefined,
): string[] {
  const match = referencePattern.exec(text.trim())
  if (!match) return [`\${${text}} is no reference; one looks like \${instances.web[0].publicIpAddress}.`]
  const [, section = '', key = '', index, attribute = ''] = match
  if (!isSection(section)) return [`there is no section ${section}.${suggest(section, Object.keys(outputAttributes))}`]
  if (!names[section].includes(key)) return [`there is no ${section}.${key}.${suggest(key, names[section])}`]
  if (index !== undefined && section !== 'instances') return [`only instances have numbers, ${section} have none.`]
  const count = section === 'instances' ? countOf(key) : undefined
  if (count !== undefined && Number(index ?? 0) >= count) {
    return [`instances.${key} has ${count} of them, numbered from 0; there is no [${index ?? 0}].`]
  }
  const known: readonly string[] = outputAttributes[section]
  if (!known.includes(attribute)) return [`${section} have no ${attribute}.${suggest(attribute, known)}`]
  return []
}

function isSection(text: string): text is OutputSection {
  return Object.hasOwn(outputAttributes, text)
}

/** A checked template with its references filled in; what has no value is empty. */
export function fillTemplate(template: string, valueOf: (reference: Reference) => string | undefined): string {
  return template.replace(placeholder, (_whole, text: string) => {
    const [, section = '', key = '', index, attribute = ''] = referencePattern.exec(text.trim()) ?? []
    if (!isSection(section)) return ''
    return valueOf({ section, key, index: Number(index ?? 0), attribute }) ?? ''
  })
}
