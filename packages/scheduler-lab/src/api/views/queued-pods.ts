import type { Lab } from '../../lab.ts';
import type { Waiting } from '../../traces/queue-store.ts';
import { renderQueued } from '../../traces/render.ts';
import { age, type ResourceView } from '../resource-view.ts';

export function queuedPodView({ queue, traces }: Lab): ResourceView<Waiting> {
  const render = (w: Waiting) => {
    const latest = traces.latest(w.entry.info.key);
    return renderQueued(w, latest?.info.uid === w.entry.uid ? latest.message : undefined, w.entry.backoffUntilMs);
  };
  return {
    plural: 'queuedpods',
    kind: 'QueuedPod',
    happenings: queue.happenings,
    all: () => queue.all(),
    key: (w) => w.entry.info.key,
    namespace: (w) => w.entry.info.namespace,
    labels: (w) => w.entry.info.pod.metadata.labels,
    fieldNames: ['lane'],
    fields: (w) => ({ lane: w.lane }),
    render,
    columns: [
      { name: 'Name', type: 'string', description: 'The name of the pod.' },
      { name: 'Lane', type: 'string', description: 'Where it is in the queue.' },
      { name: 'Since', type: 'date', description: 'How long it has been there.' },
      { name: 'Attempts', type: 'integer', description: 'How often it was tried.' },
      { name: 'Priority', type: 'integer', description: 'The priority of the pod.' },
      { name: 'Rejected-By', type: 'string', description: 'Plugins that rejected it.' },
      { name: 'Message', type: 'string', description: 'The message of its last attempt.', priority: 1 },
    ],
    cells(w, nowMs) {
      const { rejectedBy, gatedBy, message } = render(w);
      return [w.entry.info.name, w.lane, age(w.sinceMs, nowMs), w.entry.attempts, w.entry.info.priority, gatedBy || rejectedBy?.join(',') || '<none>', message ?? ''];
    },
  };
}
