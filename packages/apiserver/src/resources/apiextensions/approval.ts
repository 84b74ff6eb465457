/** Whether a definition in a group of the Kubernetes community was approved there. Facts: apiextensions apihelpers. */
export const approvalKey = 'api-approved.kubernetes.io';
const proposal = 'see https://github.com/kubernetes/enhancements/pull/1111';
const protectedGroups = `protected groups must have approval annotation "${approvalKey}"`;

export interface Approval {
  state: 'missing' | 'bypassed' | 'approved' | 'invalid';
  message: string;
}

export const isProtectedGroup = (group: string): boolean => /(^|\.)(k8s|kubernetes)\.io$/.test(group);

export function approvalOf(annotations: Readonly<Record<string, string>> | undefined): Approval {
  const text = annotations?.[approvalKey];
  if (!text) return { state: 'missing', message: `${protectedGroups}, ${proposal}` };
  if (text.startsWith('unapproved')) return { state: 'bypassed', message: `not approved: ${JSON.stringify(text)}` };
  if (/^[A-Za-z][\w+.-]*:\/\/[^/]/.test(text)) return { state: 'approved', message: `approved in ${text}` };
  return { state: 'invalid', message: `${protectedGroups} with either a URL or a reason starting with "unapproved", ${proposal}` };
}
