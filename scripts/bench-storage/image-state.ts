import type { Lab } from '../../test/e2e/lab.ts'
import { until } from '../../test/e2e/lab.ts'

export async function waitForImageState(lab: Lab, imageId: string, state: string): Promise<void> {
  await until(async () => (await imageStateOf(lab, imageId)) === state)
}

export async function imageStateOf(lab: Lab, imageId: string): Promise<string | undefined> {
  const { Images: images } = await lab.call('DescribeImages', { ImageIds: [imageId] })
  return images?.[0]?.State
}
