import { defaultTypeFor } from '../ec2/instance-type/default-type.ts'
import { architectureOf, findImage, type HostFacts } from './host-facts.ts'
import { type Lab, labTag } from './lab.ts'
import { type Observed, tagOf } from './observed.ts'
import type { Problem } from './problem.ts'
import { suggest } from './suggest.ts'

/** Mistakes that only the daemon's knowledge shows: unknown recipes and types, and names that belong to somebody else. */
export function checkAgainstHost(lab: Lab, observed: Observed, facts: HostFacts): Problem[] {
  return [
    ...checkImages(lab, observed, facts),
    ...checkKeyPairs(lab, observed),
    ...checkGroups(lab, observed),
    ...checkInstances(lab, observed, facts),
  ]
}

function checkImages(lab: Lab, observed: Observed, facts: HostFacts): Problem[] {
  return [...lab.images.values()].flatMap((image): Problem[] => {
    const { source } = image
    const path = (key: string) => ['images', image.key, key]
    if (source.kind === 'recipe' && !facts.recipes.has(source.recipe)) {
      const message = `there is no recipe ${source.recipe}.${suggest(source.recipe, [...facts.recipes.keys()])}`
      return [{ path: path('recipe'), message }]
    }
    if (source.kind === 'recipe' && source.architecture !== undefined) {
      const offered = facts.recipes.get(source.recipe) ?? []
      if (!offered.includes(source.architecture)) {
        const message = `${source.recipe} builds for ${offered.join(', ')}.`
        return [{ path: path('architecture'), message }]
      }
    }
    if (source.kind === 'catalog' && !facts.catalog.has(source.entry)) {
      const message = `the catalogue has no ${source.entry}.${suggest(source.entry, [...facts.catalog.keys()])}`
      return [{ path: path('catalog'), message }]
    }
    if (source.kind === 'existing' && !findImage(observed, image)) {
      const names = observed.images.flatMap(({ Name: name }) => name ?? [])
      return [{ path: path('existing'), message: `there is no image ${image.name}.${suggest(image.name, names)}` }]
    }
    return []
  })
}

function checkKeyPairs(lab: Lab, observed: Observed): Problem[] {
  return [...lab.keyPairs.values()].flatMap(({ key, name }): Problem[] => {
    const found = observed.keyPairs.find((record) => record.KeyName === name)
    if (!found || tagOf(found, labTag.lab) === lab.name) return []
    return [{ path: ['keyPairs', key], message: `a key pair ${name} is there and not this lab's; ${wayOut}` }]
  })
}

function checkGroups(lab: Lab, observed: Observed): Problem[] {
  return [...lab.securityGroups.values()].flatMap(({ key, name }): Problem[] => {
    const found = observed.securityGroups.find((record) => record.GroupName === name)
    if (!found || tagOf(found, labTag.lab) === lab.name) return []
    const message = `a security group ${name} (${found.GroupId}) is there and not this lab's; ${wayOut}`
    return [{ path: ['securityGroups', key], message }]
  })
}

const wayOut = 'delete it, or call this entry or the lab something else.'

function checkInstances(lab: Lab, observed: Observed, facts: HostFacts): Problem[] {
  return [...lab.instances.values()].flatMap((instance): Problem[] => {
    const problems: Problem[] = []
    const path = (key: string) => ['instances', instance.key, key]
    const image = lab.images.get(instance.image)
    const architecture = image && architectureOf(image, observed, facts)
    const type = instance.type ?? defaultTypeFor(architecture)
    const supported = facts.instanceTypes.get(type)
    if (!supported) {
      const message = `there is no instance type ${type}.${suggest(type, [...facts.instanceTypes.keys()])}`
      problems.push({ path: path('type'), message })
    } else if (architecture && !supported.includes(architecture)) {
      const message = `${type} runs ${supported.join(', ')}, images.${instance.image} is ${architecture}.`
      problems.push({ path: path('type'), message })
    }
    const size = image && findImage(observed, image)?.BlockDeviceMappings?.[0]?.Ebs?.VolumeSize
    if (size && instance.disk && instance.disk < size) {
      problems.push({ path: path('disk'), message: `images.${instance.image} needs at least ${size} GiB.` })
    }
    return problems
  })
}
