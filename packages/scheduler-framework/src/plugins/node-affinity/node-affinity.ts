import type { Node, NodeAffinity } from '@pilothouse/api-schemas/types/core/v1';
import { plugin, type PluginFactory } from '../../contract.ts';
import { Action } from '../../events/cluster-event.ts';
import { type NodePredicate, nodeSelectorPredicate, preferredTerms } from '../../pod/node-affinity.ts';
import type { PodInfo } from '../../pod/pod-info.ts';
import type { Labels } from '../../selector.ts';
import { failure, skip, unresolvable } from '../../verdict.ts';
import { scaleByMax } from '../normalize.ts';

export interface NodeAffinityArgs {
  /** Counted on top of every pod's own affinity. */
  addedAffinity?: NodeAffinity;
}

const noMatch = unresolvable("node(s) didn't match Pod's node affinity/selector");
const notEnforced = unresolvable("node(s) didn't match scheduler-enforced node affinity");
const conflict = unresolvable('pod affinity terms conflict');

/** Node names that every term pins the pod to by `metadata.name`; undefined where some term leaves it open. */
function pinnedNodes(info: PodInfo): ReadonlySet<string> | undefined {
  const terms = info.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  if (!terms?.length) return undefined;
  const names = new Set<string>();
  for (const term of terms) {
    let pinned: Set<string> | undefined;
    for (const field of term.matchFields ?? []) {
      if (field.key !== 'metadata.name' || field.operator !== 'In') continue;
      const values: string[] = field.values ?? [];
      pinned = new Set(pinned ? values.filter((v) => pinned!.has(v)) : values);
    }
    if (!pinned) return undefined;
    for (const name of pinned) names.add(name);
  }
  return names;
}

const matchesNode = (predicate: NodePredicate | undefined, node: Node) => predicate?.(node.metadata.labels ?? {}, node.metadata.name!) ?? true;

/** nodeSelector and node affinity: required terms filter, preferred ones score. */
export const nodeAffinity: PluginFactory<NodeAffinityArgs> = {
  name: 'NodeAffinity',
  create: (args, { snapshot }) => {
    const required = args.addedAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
    const enforced = required && nodeSelectorPredicate(required);
    const added = args.addedAffinity?.preferredDuringSchedulingIgnoredDuringExecution;
    const addedScore = added?.length ? preferredTerms(added) : undefined;
    type Score = ((labels: Labels, name: string) => number) | undefined;
    return plugin<NodePredicate | undefined, Score>({
      name: 'NodeAffinity',
      preFilter: (info) => {
        if (!info.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution && !enforced && !info.spec.nodeSelector) return skip;
        const nodes = pinnedNodes(info);
        if (nodes && !nodes.size) return conflict;
        return { state: info.requiredAffinity, nodes };
      },
      filterScope: 'node',
      filter: (state, _info, node) => {
        if (enforced && !enforced(snapshot.labels[node], snapshot.names[node])) return notEnforced;
        return !state || state(snapshot.labels[node], snapshot.names[node]) ? undefined : noMatch;
      },
      preScore: (info) => {
        const preferred = info.spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution;
        if (!preferred && !addedScore) return skip;
        try {
          return { state: preferred && preferredTerms(preferred) };
        } catch (error) {
          return failure((error as Error).message, error);
        }
      },
      scoreScope: 'node',
      score: (state, _info, node) => (addedScore?.(snapshot.labels[node], snapshot.names[node]) ?? 0) + (state?.(snapshot.labels[node], snapshot.names[node]) ?? 0),
      normalize: (_state, scores) => scaleByMax(scores, false),
      events: [
        {
          resource: 'Node',
          action: Action.Add | Action.UpdateNodeLabel,
          hint: (pod, old?: Node, now?: Node) => matchesNode(enforced, now!) && matchesNode(pod.requiredAffinity, now!) && (!old || !matchesNode(pod.requiredAffinity, old)),
        },
      ],
    });
  },
};
