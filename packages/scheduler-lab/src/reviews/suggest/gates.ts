import type { Proposer } from './proposal.ts';
import { inNamespace } from './proposal.ts';

export const gates: Proposer = {
  name: 'gates',
  *propose({ pod }) {
    const named = pod.spec?.schedulingGates ?? [];
    if (!named.length) return;
    const list = named.map((g) => g.name).join(', ');
    const command = pod.metadata.uid?.startsWith('what-if-') ? undefined : `kubectl patch pod ${pod.metadata.name}${inNamespace(pod.metadata.namespace)} --type=json -p '[{"op":"remove","path":"/spec/schedulingGates"}]'`;
    yield { kind: 'RemoveGates', change: `remove the scheduling gate${named.length === 1 ? '' : 's'} ${list}`, edits: [{ patchPod: { spec: { schedulingGates: null } } }], ...(command && { command }) };
  },
};
