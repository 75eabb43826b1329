import { invalid } from './invalid-image.ts'

/** An element of the description: its attributes, and the text up to its end. */
interface Element {
  readonly attributes: ReadonlyMap<string, string>
  readonly content: string
}

/** Of the resources of CIM_ResourceAllocationSettingData. */
const hardDisk = '17'

/**
 * The files of a machine's disks, as its OVF description attaches them: by the controllers in their order, and by the address on each
 * (DMTF DSP0243 1.1, chapters 7 to 9). So the disk that the machine boots from comes first. Empty for a description that tells of no
 * hard disk with a file. Not validated: who wrote it is a stranger, and what it names is looked for in its archive alone.
 */
export function readAttachedFiles(description: string): readonly string[] {
  const text = withoutComments(description)
  if (elementsOf(text, 'VirtualSystem').length > 1) {
    throw invalid('its description is of several machines; export each by itself')
  }
  const files = new Map(
    elementsOf(text, 'File').map(({ attributes }) => [attributes.get('id') ?? '', attributes.get('href') ?? '']),
  )
  const disks = new Map(
    elementsOf(text, 'Disk').map(({ attributes }) => [attributes.get('diskId') ?? '', attributes.get('fileRef')]),
  )
  // A StorageItem is what OVF 2.0 has for disks.
  const items = [...elementsOf(text, 'Item'), ...elementsOf(text, 'StorageItem')].map(({ content }) => content)
  const order = new Map(items.map((item, index) => [memberOf(item, 'InstanceID') ?? '', index]))
  return items
    .filter((item) => memberOf(item, 'ResourceType') === hardDisk)
    .map((item) => ({
      controller: order.get(memberOf(item, 'Parent') ?? '') ?? 0,
      address: Number(memberOf(item, 'AddressOnParent') ?? 0),
      file: fileOf(memberOf(item, 'HostResource') ?? ''),
    }))
    .sort((one, other) => one.controller - other.controller || one.address - other.address)
    .flatMap(({ file }) => (file === undefined ? [] : [file]))

  /** `ovf:/disk/ID`, `ovf:/file/ID`, in older ones without the scheme. A disk without a file is empty. */
  function fileOf(hostResource: string): string | undefined {
    const [, kind, id = ''] = /^(?:ovf:)?\/(disk|file)\/(.+)$/.exec(hostResource) ?? []
    const fileId = kind === 'disk' ? disks.get(id) : id
    const href = fileId === undefined ? undefined : files.get(fileId)
    return href ? decodeReference(href) : undefined
  }
}

/**
 * Elements of that local name, whatever their prefix. None of those that is asked for has others of its own name inside: so the next tag of
 * the name ends it, and a hostile text is gone through once.
 */
function elementsOf(text: string, name: string): Element[] {
  const found: Element[] = []
  let open: { from: number; attributes: Element['attributes'] } | undefined
  const close = (until: number) => {
    if (open) found.push({ attributes: open.attributes, content: text.slice(open.from, until) })
    open = undefined
  }
  for (const match of text.matchAll(new RegExp(`<(/)?(?:[\\w.-]+:)?${name}(\\s[^<>]*|/)?>`, 'g'))) {
    const [tag, slash, inside = ''] = match
    close(match.index)
    if (slash !== undefined) continue
    open = { from: match.index + tag.length, attributes: attributesOf(inside) }
    if (inside.endsWith('/')) close(open.from)
  }
  close(text.length)
  return found
}

function attributesOf(text: string): ReadonlyMap<string, string> {
  const pairs = text.matchAll(/\s(?:[\w.-]+:)?([\w.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g)
  return new Map([...pairs].map(([, name = '', double, single]) => [name, decodeText(double ?? single ?? '')]))
}

function withoutComments(text: string): string {
  const parts: string[] = []
  for (let from = 0; ; ) {
    const start = text.indexOf('<!--', from)
    const end = start < 0 ? -1 : text.indexOf('-->', start + 4)
    if (end < 0) return [...parts, start < 0 ? text.slice(from) : text.slice(from, start)].join('')
    parts.push(text.slice(from, start))
    from = end + 3
  }
}

function memberOf(item: string, name: string): string | undefined {
  const content = elementsOf(item, name)[0]?.content.trim()
  return content === undefined ? undefined : decodeText(content)
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/** XML's own entities; others have to be declared, and a declaration is what attacks by XML are made of. */
function decodeText(text: string): string {
  return text.replaceAll(/&(amp|lt|gt|quot|apos);/g, (_whole, name: string) => entities[name] ?? '')
}

/** A reference is a URL, relative to the description. */
function decodeReference(href: string): string {
  try {
    return decodeURIComponent(href)
  } catch {
    return href
  }
}
