import type { ImageRecord } from '../image/image.ts'
import type { Pipeline, PipelineStep } from './pipeline.ts'

/** Of what is installed, as images/guest/root/usr/lib/kiln/template/host_port.py tells it. */
const guestPartVersion = '1.0.0'
/** In memory, so that nothing of it is in the image. */
const archivePath = '/run/kiln-guest.tar'
const stepTimeoutMs = 5 * 60_000
const launchTimeoutMs = 15 * 60_000

/**
 * The pipeline by which an image gets the guest part of warm templates (docs/guides/fast-launch-images.md). `guestPart`: a tar of
 * images/guest, whose script `install` says what an image lacks.
 */
export function preparationOf(base: ImageRecord, imageName: string, guestPart: Buffer): Pipeline {
  const common = { timeoutMs: stepTimeoutMs, environment: {} }
  const steps: PipelineStep[] = [
    {
      ...common,
      kind: 'copy',
      title: 'Copy the guest part',
      content: guestPart,
      to: archivePath,
      mode: '0600',
      owner: 'root:root',
    },
    {
      ...common,
      kind: 'script',
      title: 'Install the guest part',
      text: `mkdir -p /run/kiln-guest\ntar -xf ${archivePath} -C /run/kiln-guest\nsh /run/kiln-guest/install\n`,
    },
  ]
  return {
    // A build of each image has its own log, and there is one at a time.
    name: `prepare-${base.id}`,
    description: '',
    base: { kind: 'image', imageId: base.id },
    parameters: new Map(),
    components: [{ name: 'guest-part', version: guestPartVersion, steps }],
    tests: [],
    image: { name: imageName, description: base.description ?? '', tags: {} },
    distribution: { regions: [], accountIds: [], isPublic: false, registries: [] },
    launchTimeoutMs,
  }
}

/** What a prepared image is called when nobody says it. */
export function preparedNameOf({ name }: ImageRecord): string {
  const suffix = '-fast-launch'
  return `${name.slice(0, 128 - suffix.length)}${suffix}`
}
