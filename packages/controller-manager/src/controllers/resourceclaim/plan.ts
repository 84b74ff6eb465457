/** Which claims a pod needs, and who still needs a claim. Pure. */
import type { Pod, PodResourceClaim } from '@pilothouse/api-schemas/types/core/v1';
import type { ResourceClaim, ResourceClaimTemplate } from '@pilothouse/api-schemas/types/resource/v1';
import { controllerOf } from '@pilothouse/apimachinery';
import { controllerReference, isPodTerminal } from '@pilothouse/controller-runtime';
import { pods } from '@pilothouse/apimachinery';

export const podClaimAnnotation = 'resource.kubernetes.io/pod-claim-name';
export const protectionFinalizer = 'resource.kubernetes.io/delete-protection';
/** As many may use a claim at once. */
const mostConsumers = 256;

/** What is known of the claim behind one entry of a pod: its name and whether it must be the pod's own; `none`: it needs none; `unknown`: it is yet to be made. */
export type ClaimName = { name: string; own: boolean } | 'none' | 'unknown';

export function claimNameOf(pod: Pod, { name, resourceClaimName, resourceClaimTemplateName }: PodResourceClaim): ClaimName {
  if (resourceClaimName) return { name: resourceClaimName, own: false };
  if (!resourceClaimTemplateName) return 'none';
  const status = pod.status?.resourceClaimStatuses?.find((entry) => entry.name === name);
  if (!status) return 'unknown';
  return status.resourceClaimName ? { name: status.resourceClaimName, own: true } : 'none';
}

/** Names of all claims that a pod is known to use. */
export function claimNamesOf(pod: Pod): string[] {
  const extended = pod.status?.extendedResourceClaimStatus?.resourceClaimName;
  const named = (pod.spec?.resourceClaims ?? []).flatMap((entry) => {
    const found = claimNameOf(pod, entry);
    return typeof found === 'object' ? [found.name] : [];
  });
  return extended ? [...named, extended] : named;
}

export const isFor = (claim: ResourceClaim, pod: Pod): boolean => controllerOf(claim)?.uid === pod.metadata.uid;

/** It runs no more, and never will. */
export const isDone = (pod: Pod): boolean => isPodTerminal(pod) || (!!pod.metadata.deletionTimestamp && !pod.spec?.nodeName);

/** Whether a claim that is allocated should be reserved for the pod, which runs already: a scheduler would have done it. */
export function lacksReservation(claim: ResourceClaim, pod: Pod): boolean {
  const reserved = claim.status?.reservedFor ?? [];
  return claim.status?.allocation !== undefined && reserved.length < mostConsumers && !reserved.some(({ uid }) => uid === pod.metadata.uid);
}

/** The claim a template describes for an entry of a pod. */
export function claimFromTemplate(template: ResourceClaimTemplate, pod: Pod, entry: string): ResourceClaim {
  const { labels, annotations } = template.spec.metadata ?? {};
  const { blockOwnerDeletion: _, ...owner } = controllerReference(pods, pod);
  return {
    metadata: { generateName: generateName(pod.metadata.name!, entry), namespace: pod.metadata.namespace, labels, annotations: { ...annotations, [podClaimAnnotation]: entry }, ownerReferences: [owner] },
    spec: template.spec.spec,
  };
}

/** Both names, cut in proportion where they leave no room for the random part. */
function generateName(pod: string, entry: string): string {
  const whole = `${pod}-${entry}-`;
  const most = 57;
  if (whole.length <= most) return whole;
  return `${pod.slice(0, Math.trunc((pod.length * most) / whole.length))}-${entry.slice(0, Math.trunc((entry.length * most) / whole.length))}`;
}
