/** A pod as the API server would have made it, as far as the scheduler looks. */
import { builtinTypes } from '@pilothouse/api-schemas';
import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import { applyDefaults } from '@pilothouse/apimachinery';

export interface Completion {
  readonly namespace: string;
  readonly name: string;
  /** The scheduler to use where the pod names none. */
  readonly schedulerName?: string;
  readonly priorityOf: (className: string | undefined) => number | undefined;
}

/** The tolerations that admission gives every pod: nodes that are not ready keep it for five minutes. */
const usualTolerations = ['not-ready', 'unreachable'].map((what) => ({ key: `node.kubernetes.io/${what}`, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }));

/** Fills in what is left out. The source is not changed. */
export function completePod(source: { metadata?: Pod['metadata']; spec?: Pod['spec'] }, { namespace, name, schedulerName, priorityOf }: Completion): Pod {
  const pod = structuredClone({ metadata: source.metadata ?? {}, spec: source.spec ?? { containers: [] } }) as Pod;
  pod.metadata = { ...pod.metadata, name, namespace, uid: pod.metadata.uid || `what-if-${namespace}-${name}` };
  const spec = pod.spec!;
  spec.containers ??= [];
  const type = builtinTypes.get('io.k8s.api.core.v1.PodSpec');
  if (type) applyDefaults(type, spec);
  spec.schedulerName ||= schedulerName ?? 'default-scheduler';
  spec.priority ??= priorityOf(spec.priorityClassName) ?? 0;
  spec.preemptionPolicy ??= 'PreemptLowerPriority';
  for (const container of [...spec.containers, ...(spec.initContainers ?? [])]) {
    const { limits } = container.resources ?? {};
    // A limit without a request is the request too.
    if (limits) container.resources!.requests = { ...limits, ...container.resources!.requests };
  }
  const had = spec.tolerations ?? [];
  spec.tolerations = [...had, ...usualTolerations.filter((t) => !had.some((h) => (h.key === t.key || !h.key) && (!h.effect || h.effect === t.effect)))];
  pod.status = { phase: 'Pending' };
  return pod;
}
