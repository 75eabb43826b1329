/** The instance type where none is named: small, and of what EC2 sells now. */
export function defaultTypeFor(architecture: string | undefined): string {
  if (architecture === 'arm64') return 't4g.micro'
  return architecture === 'i386' ? 't2.micro' : 't3.micro'
}
