/**
 * kube-scheduler's extender/v1 on the wire. Its types have no JSON names of their own, so fields are written as Go names them
 * (`NodeNames`), with null for what is absent; answers may spell them in any case.
 */
import type { Node, Pod } from '@pilothouse/api-schemas/types/core/v1';
import type { PreemptionCandidate } from '@pilothouse/scheduler-framework';



/** Body of Filter and Prioritize: nodes whole, or by name for extenders that know them. */
export const extenderArgs = (pod: Pod, nodes: readonly Node[], byName: boolean) => ({ Pod: pod, Nodes: byName ? null : { metadata: {}, items: nodes }, NodeNames: byName ? nodes.map((n) => n.metadata.name) : null });

export function preemptionArgs(pod: Pod, candidates: readonly PreemptionCandidate[], byUid: boolean) {
  const victims = (pods: (c: PreemptionCandidate) => unknown[]) => Object.fromEntries(candidates.map((c) => [c.node, { Pods: pods(c), NumPDBViolations: c.pdbViolations }]));
  return { Pod: pod, NodeNameToVictims: byUid ? null : victims((c) => c.victims.map((v) => v.pod)), NodeNameToMetaVictims: byUid ? victims((c) => c.victims.map((v) => ({ UID: v.uid }))) : null };
}

export const bindingArgs = ({ metadata }: Pod, node: string) => ({ PodName: metadata.name, PodNamespace: metadata.namespace, PodUID: metadata.uid, Node: node });

/** A field of an answer, as Go's decoder finds it: by its name, else by its name in any case. */
export function field(object: unknown, name: string): unknown {
  if (typeof object !== 'object' || object === null) return undefined;
  if (Object.hasOwn(object, name)) return (object as Record<string, unknown>)[name];
  const wanted = name.toLowerCase();
  for (const [key, value] of Object.entries(object)) if (key.toLowerCase() === wanted) return value;
  return undefined;
}

/** The field as a map of texts; empty where it is absent. */
export const textMap = (object: unknown, name: string): Record<string, string> => (field(object, name) ?? {}) as Record<string, string>;
