/** Colours of the sixteen that every terminal theme has. */
const codes = { green: 32, yellow: 33, red: 31, blue: 34, dim: 2, bold: 1 } as const

export type Paint = keyof typeof codes

/** Text in a colour. */
export function paint(text: string, color: Paint): string {
  return `\u001b[${codes[color]}m${text}\u001b[0m`
}

const stateColors: Readonly<Record<string, Paint>> = {
  running: 'green',
  available: 'green',
  'in-use': 'green',
  succeeded: 'green',
  ok: 'green',
  pending: 'yellow',
  stopping: 'yellow',
  'shutting-down': 'yellow',
  initializing: 'yellow',
  stopped: 'dim',
  terminated: 'dim',
  deregistered: 'dim',
  impaired: 'red',
  failed: 'red',
  error: 'red',
}

/** The name of a state in its colour; a name that has none stays as it is. */
export function paintState(text: string, state: string | undefined): string {
  const color = state === undefined ? undefined : stateColors[state]
  return color ? paint(text, color) : text
}
