import type { Domain } from '../domain.ts'
import { newId } from '../ids.ts'
import type { InterfaceAttachment } from './network-interface.ts'

/** A new attachment with its id. */
export function attachmentOf(
  { random }: Pick<Domain, 'random'>,
  draft: Omit<InterfaceAttachment, 'id'>,
): InterfaceAttachment {
  return { id: newId('eni-attach', random), ...draft }
}
