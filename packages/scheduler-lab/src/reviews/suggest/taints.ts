import type { Taint, Toleration } from '@pilothouse/api-schemas/types/core/v1';
import { patchCommand, type Proposal, type Proposer } from './proposal.ts';

const text = ({ key, value, effect }: Taint): string => `${key}${value ? `=${value}` : ''}:${effect}`;

const tolerates = (toleration: Toleration, taint: Taint): boolean => (!toleration.effect || toleration.effect === taint.effect) && (!toleration.key || toleration.key === taint.key) && (toleration.operator === 'Exists' || (toleration.value ?? '') === (taint.value ?? ''));

/** Nodes that are named for the same taint. */
const perTaint = 3;

export const taints: Proposer = {
  name: 'taints',
  *propose({ pod, rejectedBy }) {
    const had = pod.spec?.tolerations ?? [];
    const byTaint = new Map<string, { taint: Taint; nodes: string[] }>();
    for (const { name, node } of rejectedBy('TaintToleration', 5000)) {
      for (const taint of node.spec?.taints ?? []) {
        if (taint.effect === 'PreferNoSchedule' || had.some((t) => tolerates(t, taint))) continue;
        const known = byTaint.get(text(taint));
        if (known) known.nodes.push(name);
        else byTaint.set(text(taint), { taint, nodes: [name] });
      }
    }
    for (const { taint } of byTaint.values()) {
      const toleration = { key: taint.key, operator: taint.value ? 'Equal' : 'Exists', ...(taint.value && { value: taint.value }), effect: taint.effect };
      const patch = { spec: { tolerations: [...had, toleration] } };
      const command = patchCommand(pod, patch);
      yield { kind: 'AddToleration', change: `let the pod tolerate the taint ${text(taint)}`, edits: [{ patchPod: patch }], ...(command && { command }) };
    }
    for (const { taint, nodes } of byTaint.values()) {
      for (const name of nodes.slice(0, perTaint)) {
        yield { kind: 'RemoveTaint', change: `remove the taint ${text(taint)} from ${name}`, edits: [{ taintNode: { name, taint: { key: taint.key, effect: taint.effect }, remove: true } }], command: `kubectl taint nodes ${name} ${taint.key}:${taint.effect}-` } satisfies Proposal;
      }
    }
  },
};

export const cordons: Proposer = {
  name: 'cordons',
  *propose({ rejectedBy }) {
    for (const { name } of rejectedBy('NodeUnschedulable', perTaint)) yield { kind: 'UncordonNode', change: `uncordon ${name}`, edits: [{ cordonNode: { name, unschedulable: false } }], command: `kubectl uncordon ${name}` };
  },
};
