import type { Node, PodSpec } from '@pilothouse/api-schemas/types/core/v1';
import { type Proposer, quoted } from './proposal.ts';

/** Nodes that are tried for labels. */
const mostNodes = 20;

export const nodeLabels: Proposer = {
  name: 'nodeLabels',
  *propose({ pod, rejectedBy }) {
    const spec = pod.spec!;
    const rejected = rejectedBy('NodeAffinity', 5000);
    if (!rejected.length) return;
    const wanted = rejected.map((r) => ({ ...r, labels: missingLabels(spec, r.node) })).filter((r) => r.labels && Object.keys(r.labels).length > 0);
    wanted.sort((a, b) => Object.keys(a.labels!).length - Object.keys(b.labels!).length);
    for (const { name, labels, node } of wanted.slice(0, mostNodes)) {
      const list = Object.entries(labels!);
      const overwrites = list.some(([key]) => node.metadata.labels?.[key] !== undefined);
      yield { kind: 'LabelNode', change: `label ${name} with ${list.map(([k, v]) => `${k}=${v}`).join(' and ')}`, edits: [{ labelNode: { name, labels: labels! } }], command: `kubectl label node ${name} ${list.map(([k, v]) => quoted(`${k}=${v}`)).join(' ')}${overwrites ? ' --overwrite' : ''}` };
    }
  },
};

/** Labels that a node lacks for the pod's selector and first affinity term; undefined where a label cannot make it fit. */
function missingLabels(spec: PodSpec, node: Node): Record<string, string> | undefined {
  const has = node.metadata.labels ?? {};
  const missing: Record<string, string> = {};
  for (const [key, value] of Object.entries(spec.nodeSelector ?? {})) if (has[key] !== value) missing[key] = value;
  const [term] = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  if (term?.matchFields?.length) return undefined;
  for (const { key, operator, values } of term?.matchExpressions ?? []) {
    const value = has[key];
    if (operator === 'In' && (value === undefined || !values?.includes(value))) missing[key] = values?.[0] ?? '';
    else if (operator === 'Exists' && value === undefined) missing[key] = '';
    else if (operator !== 'In' && operator !== 'Exists') return undefined;
  }
  // These say what a node is; a label does not change it.
  return Object.keys(missing).some((key) => key === 'kubernetes.io/hostname' || key.startsWith('topology.kubernetes.io/') || key === 'kubernetes.io/os' || key === 'kubernetes.io/arch') ? undefined : missing;
}

export const podSelectors: Proposer = {
  name: 'podSelectors',
  *propose({ pod }) {
    const spec = pod.spec!;
    for (const [key, value] of Object.entries(spec.nodeSelector ?? {})) yield { kind: 'DropNodeSelector', change: `drop ${key}=${value} from the pod's nodeSelector`, edits: [{ patchPod: { spec: { nodeSelector: { [key]: null } } } }] };
    if (spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution) yield { kind: 'DropNodeAffinity', change: "drop the pod's required node affinity", edits: [{ patchPod: { spec: { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: null } } } } }] };
    for (const [member, kind, name] of [['podAffinity', 'DropPodAffinity', 'affinity'], ['podAntiAffinity', 'DropPodAntiAffinity', 'anti-affinity']] as const) {
      const terms = spec.affinity?.[member]?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
      for (const [i, term] of terms.entries()) {
        const left = terms.filter((_, at) => at !== i);
        yield { kind, change: `drop the pod's required pod ${name} by ${term.topologyKey}${terms.length > 1 ? ` (number ${i + 1})` : ''}`, edits: [{ patchPod: { spec: { affinity: { [member]: { requiredDuringSchedulingIgnoredDuringExecution: left.length ? left : null } } } } }] };
      }
    }
    const spread = spec.topologySpreadConstraints ?? [];
    for (const [i, constraint] of spread.entries()) {
      if (constraint.whenUnsatisfiable !== 'DoNotSchedule') continue;
      const now = spread.map((c, at) => (at === i ? { ...c, whenUnsatisfiable: 'ScheduleAnyway' } : c));
      yield { kind: 'DropTopologySpread', change: `make the spreading over ${constraint.topologyKey} a preference (whenUnsatisfiable: ScheduleAnyway)`, edits: [{ patchPod: { spec: { topologySpreadConstraints: now } } }] };
    }
    if (spec.containers.some((c) => c.ports?.some((p) => p.hostPort))) {
      const containers = spec.containers.map((c) => ({ ...c, ports: c.ports?.map(({ hostPort: _dropped, ...port }) => port) }));
      yield { kind: 'DropHostPort', change: "drop the pod's host ports", edits: [{ patchPod: { spec: { containers } } }] };
    }
  },
};
