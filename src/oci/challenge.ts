/** What a registry wants of whoever asks it (RFC 9110, 11.6.1; "Token Authentication Specification" of Distribution). */
export type Challenge =
  | { readonly scheme: 'basic' }
  | { readonly scheme: 'bearer'; readonly realm: string; readonly service?: string; readonly scope?: string }

/** The first challenge that is understood; undefined when none is. Pure. */
export function parseChallenge(header: string | null): Challenge | undefined {
  for (const { scheme, parameters } of splitChallenges(header ?? '')) {
    if (scheme === 'basic') return { scheme }
    const { realm, service, scope } = parameters
    if (scheme === 'bearer' && realm !== undefined && URL.canParse(realm)) {
      return { scheme, realm, ...(service === undefined ? {} : { service }), ...(scope === undefined ? {} : { scope }) }
    }
  }
  return undefined
}

/** A scheme is a word that no `=` follows; parameters are `name=value` or `name="value"`, with commas between. */
function splitChallenges(header: string): { scheme: string; parameters: Record<string, string> }[] {
  const challenges: { scheme: string; parameters: Record<string, string> }[] = []
  for (const match of header.matchAll(/([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))|([\w-]+)/g)) {
    const [, name, quoted, plain, scheme] = match
    if (scheme !== undefined) challenges.push({ scheme: scheme.toLowerCase(), parameters: {} })
    else if (name !== undefined) {
      const parameters = challenges.at(-1)?.parameters
      if (parameters) parameters[name.toLowerCase()] = quoted?.replaceAll(/\\(.)/g, '$1') ?? plain ?? ''
    }
  }
  return challenges
}
