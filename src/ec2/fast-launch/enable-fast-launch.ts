import type { Domain } from '../domain.ts'
import { Ec2Error, invalidParameterValue } from '../errors.ts'
import { findOwnImage } from '../image/visible-image.ts'
import { findLaunchTemplate } from '../launch-template/find-launch-template.ts'
import { requireLaunchable } from '../launch-template/template-check.ts'
import type { Ec2Mutation } from '../operation.ts'
import { describeFastLaunch } from './describe-fast-launch-images.ts'
import { turnOff, turnOn, usualParallelLaunches } from './turn-on.ts'
import { chooseWarmTypes, findWarmableImage } from './warmable-image.ts'

/** What is kept ready on EC2 is used up by launches, and so many are kept; here one template serves them all, and the number is told only. */
const usualResourceCount = 10
const resourceCounts = { minimum: 1, maximum: 10_000 }

/** EnableFastLaunch: launches of an image of the caller's go on from warm templates. Again, it adds the type of the template that it names. */
export function enableFastLaunch(domain: Domain): Ec2Mutation<'EnableFastLaunch'> {
  return {
    kind: 'mutation',
    parameters: ['ImageId', 'ResourceType', 'SnapshotConfiguration', 'LaunchTemplate', 'MaxParallelLaunches'],
    apply: (context, input) => {
      const image = findWarmableImage(domain, context, input.ImageId)
      const { ResourceType: resourceType = 'snapshot', MaxParallelLaunches: parallel = usualParallelLaunches } = input
      const { TargetResourceCount: count = usualResourceCount } = input.SnapshotConfiguration ?? {}
      if (resourceType !== 'snapshot') {
        throw invalidParameterValue('resourceType', resourceType.slice(0, 80), 'Expected snapshot.')
      }
      if (parallel < usualParallelLaunches) {
        throw invalidParameterValue('maxParallelLaunches', parallel, `Expected ${usualParallelLaunches} or more.`)
      }
      const { minimum, maximum } = resourceCounts
      if (count < minimum || count > maximum) {
        const why = `Expected a number from ${minimum} to ${maximum}.`
        throw invalidParameterValue('snapshotConfiguration.targetResourceCount', count, why)
      }
      const chosen = findLaunchTemplate(domain.store, context, input.LaunchTemplate)
      if (chosen) requireLaunchable(chosen.version.data)
      const type = chosen?.version.data.InstanceType
      const record = turnOn(domain, context, {
        image,
        instanceTypes: chooseWarmTypes(domain, image, type === undefined ? [] : [type]),
        settings: {
          maxParallelLaunches: parallel,
          targetResourceCount: count,
          ...(chosen
            ? {
                launchTemplate: {
                  id: chosen.template.id,
                  name: chosen.template.name,
                  version: input.LaunchTemplate?.Version ?? String(chosen.version.number),
                },
              }
            : {}),
        },
      })
      return describeFastLaunch(record)
    },
  }
}

/** DisableFastLaunch: launches boot again, and the templates go. Nothing stands in the way of that, so Force has nothing to overcome. */
export function disableFastLaunch(domain: Domain): Ec2Mutation<'DisableFastLaunch'> {
  return {
    kind: 'mutation',
    parameters: ['ImageId', 'Force'],
    apply: (context, input) => {
      const { id } = findOwnImage(domain, context, input.ImageId)
      const present = domain.store.fastLaunches.get(context, id)
      if (!present) throw new Ec2Error('IncorrectState', `Fast Launch of the image ${id} is not enabled.`)
      return describeFastLaunch(turnOff(domain, context, present))
    },
  }
}
