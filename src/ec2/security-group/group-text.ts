/** What names and descriptions of groups and rules in a VPC may hold ("CreateSecurityGroup"). */
export const groupTextRule = 'at most 255 of the characters a-z, A-Z, 0-9, spaces, and ._-:/()#,@[]+=&;{}!$*'

/** Whether a text keeps the rule. */
export function isGroupText(text: string): boolean {
  return text.length <= 255 && /^[A-Za-z0-9 ._\-:/()#,@[\]+=&;{}!$*]*$/.test(text)
}
