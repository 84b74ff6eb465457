/** How long a pod may stay on a node with NoExecute taints. Pure. */
import type { Node, Pod, Taint } from '@pilothouse/api-schemas/types/core/v1';
import { tolerates } from '@pilothouse/controller-runtime';

export const noExecuteTaintsOf = (node: Node | undefined): Taint[] => node?.spec?.taints?.filter((taint) => taint.effect === 'NoExecute') ?? [];

/** Milliseconds the pod may stay from now; 0: it must go; undefined: for ever. */
export function stayMs(pod: Pod, taints: readonly Taint[]): number | undefined {
  let least = Number.POSITIVE_INFINITY;
  for (const taint of taints) {
    const toleration = pod.spec?.tolerations?.find((t) => tolerates(t, taint));
    if (!toleration) return 0;
    if (toleration.tolerationSeconds !== undefined) least = Math.min(least, Math.max(0, toleration.tolerationSeconds));
  }
  return least === Number.POSITIVE_INFINITY ? undefined : least * 1000;
}
