import { forbiddenError, type StatusError } from '@pilothouse/apimachinery';
import type { AdmissionAttributes } from '../contract.ts';

/** Whether the request is about this resource: `pods`, `networking.k8s.io/ingresses`. */
export function isAbout(a: AdmissionAttributes, resource: string): boolean {
  const { group, plural } = a.resource.type;
  return (group ? `${group}/${plural}` : plural) === resource;
}

/** The name to show, before one has been generated too. */
export const shownName = (a: AdmissionAttributes): string => a.name || a.object?.metadata?.name || a.object?.metadata?.generateName || 'Unknown';

/** The 403 with which admission refuses. */
export const refuse = (a: AdmissionAttributes, why: string): StatusError => forbiddenError(a.resource.type, shownName(a), why);

/** Several findings as upstream joins them: one as it is, more in brackets. */
export const joined = (messages: readonly string[]): string => (messages.length === 1 ? messages[0] : `[${[...new Set(messages)].join(', ')}]`);
