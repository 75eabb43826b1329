import { expect, test } from 'vitest'
import {
  type AmiDocument,
  annotation,
  readDocument,
  readManifest,
  writeManifest,
} from '../../../../src/ec2/registry/ami-document.ts'
import { contentIdOf } from '../../../../src/ec2/registry/content-id.ts'

const digestOf = (letter: string) => `sha256:${letter.repeat(64)}`
const [base, child] = [digestOf('a'), digestOf('b')]
const childId = contentIdOf(base, child)
const gib = 1024 ** 3
const document: AmiDocument = {
  name: 'web',
  accountId: '123456789012',
  architecture: 'x86_64',
  bootMode: 'legacy-bios',
  enaSupport: true,
  creationDate: '2026-01-02T03:04:05.000Z',
  rootDeviceName: '/dev/xvda',
  blockDevices: [
    { deviceName: '/dev/xvda', volumeSizeGib: 2, volumeType: 'gp3', deleteOnTermination: true, layer: childId },
  ],
  layers: [
    { id: base, digest: base, virtualSizeBytes: gib },
    { id: childId, digest: child, parent: base, virtualSizeBytes: 2 * gib },
  ],
  tags: [],
}
const layers = [
  { digest: base, sizeBytes: 10 },
  { digest: child, sizeBytes: 5 },
]
const content = writeManifest({ digest: digestOf('c'), sizeBytes: 7 }, layers, { [annotation.name]: 'web' })
const manifest = readManifest(content, 'reg/web')

test('what is written is an OCI image manifest with the types of an AMI', () => {
  expect(JSON.parse(content.toString())).toMatchInlineSnapshot(`
    {
      "annotations": {
        "org.opencontainers.image.title": "web",
      },
      "artifactType": "application/vnd.kiln.ami.v1",
      "config": {
        "digest": "sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc",
        "mediaType": "application/vnd.kiln.ami.config.v1+json",
        "size": 7,
      },
      "layers": [
        {
          "digest": "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
          "mediaType": "application/vnd.kiln.layer.v1.qcow2",
          "size": 10,
        },
        {
          "digest": "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
          "mediaType": "application/vnd.kiln.layer.v1.qcow2",
          "size": 5,
        },
      ],
      "mediaType": "application/vnd.oci.image.manifest.v1+json",
      "schemaVersion": 2,
    }
  `)
})

test('metadata that hang together are taken', () => {
  expect(readDocument(Buffer.from(JSON.stringify(document)), manifest, 'reg/web')).toEqual(document)
})

const [first, second] = document.layers as [AmiDocument['layers'][0], AmiDocument['layers'][0]]
const [device] = document.blockDevices as [AmiDocument['blockDevices'][0]]
test.each<[string, object, RegExp]>([
  ['a layer before what it stands on', { layers: [second, first] }, /stands on one that is not before it/],
  ['a layer that stands on itself', { layers: [{ ...second, parent: second.id }] }, /not before it/],
  ['an id that another chain has', { layers: [first, { ...second, id: digestOf('d') }] }, /not what its chain gives/],
  [
    'a layer that was not sent',
    { layers: [first, { ...first, id: digestOf('e'), digest: digestOf('e') }] },
    /is not in its manifest/,
  ],
  ['a layer smaller than its parent', { layers: [{ ...first, virtualSizeBytes: 3 * gib }, second] }, /is smaller/],
  ['a device smaller than its layer', { blockDevices: [{ ...device, volumeSizeGib: 1 }] }, /smaller than its layer/],
  ['a device of no layer', { blockDevices: [{ ...device, layer: digestOf('d') }] }, /a layer that is not there/],
  ['two devices of one name', { blockDevices: [device, device] }, /used twice/],
  ['no root device', { rootDeviceName: '/dev/sdz' }, /no root device/],
  ['a device that is a path', { blockDevices: [{ ...device, deviceName: '../../etc' }] }, /must be a device name/],
  ['a terabyte of terabytes', { layers: [{ ...first, virtualSizeBytes: 2 ** 52 }, second] }, /virtualSizeBytes/],
  ['an unknown architecture', { architecture: 'vax' }, /architecture/],
])('refuses %s', (_what, change, why) => {
  const read = () => readDocument(Buffer.from(JSON.stringify({ ...document, ...change })), manifest, 'reg/web')
  expect(read).toThrow(why)
  expect(read).toThrow(/^reg\/web is not an AMI that Kiln can take: /)
})

test.each<[string, object | string]>([
  [
    "a container's image",
    { artifactType: undefined, config: { mediaType: 'application/vnd.oci.image.config.v1+json' } },
  ],
  ['a compressed layer', { layers: [{ mediaType: 'application/gzip', digest: base, size: 1 }] }],
  ['metadata of gigabytes', { config: { ...manifest.config, size: gib } }],
  ['a digest that is a path', { layers: [{ ...manifest.layers[0], digest: 'sha256:../../../etc/passwd' }] }],
  ['no JSON', 'no'],
])('refuses %s as manifest', (_what, change) => {
  const changed = typeof change === 'string' ? change : JSON.stringify({ ...manifest, ...change })
  expect(() => readManifest(Buffer.from(changed), 'reg/web')).toThrow(/is not an AMI that Kiln can take/)
})
