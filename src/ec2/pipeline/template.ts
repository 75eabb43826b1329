/** What every template may name besides the pipeline's parameters. */
export const templateNames: ReadonlySet<string> = new Set(['pipeline', 'build', 'date', 'time', 'base'])

const variable = /\$\{([^}]*)\}/g

/** What is wrong with a template: names that mean nothing. */
export function checkTemplate(text: string, parameters: readonly string[]): string[] {
  const unknown = [...text.matchAll(variable)].map(([, name = '']) => name)
  return unknown
    .filter((name) => !templateNames.has(name) && !parameters.includes(name))
    .map(
      (name) =>
        `there is no \${${name.slice(0, 80)}}. Known: ${[...templateNames, ...parameters].join(', ')}; secret parameters cannot be told.`,
    )
}

/** Puts values into a checked template. */
export function fillTemplate(text: string, values: ReadonlyMap<string, string>): string {
  return text.replaceAll(variable, (whole, name: string) => values.get(name) ?? whole)
}

/** The values of one build: `date` is 2026-11-29 and `time` 0512, both in UTC. */
export function templateValues(build: {
  pipeline: string
  number: number
  baseImageId: string
  now: Date
  parameters: ReadonlyMap<string, string>
}): Map<string, string> {
  const time = build.now.toISOString()
  return new Map([
    ...build.parameters,
    ['pipeline', build.pipeline],
    ['build', String(build.number)],
    ['base', build.baseImageId],
    ['date', time.slice(0, 10)],
    ['time', time.slice(11, 16).replace(':', '')],
  ])
}
