import { parseTime } from '@pilothouse/base/clock';
import type { HeldCycle } from '../../holding/held-cycle.ts';
import type { Lab } from '../../lab.ts';
import { age, type ResourceView } from '../resource-view.ts';

export function heldCycleView({ holding }: Lab): ResourceView<HeldCycle> {
  return {
    plural: 'heldcycles',
    kind: 'HeldCycle',
    happenings: holding.heldHappenings,
    all: () => holding.held.values(),
    key: (c) => c.info.key,
    namespace: (c) => c.info.namespace,
    labels: (c) => c.info.pod.metadata.labels,
    fieldNames: ['breakpoint'],
    fields: (c) => ({ breakpoint: c.breakpoint }),
    render: (c) => c.render(0),
    columns: [
      { name: 'Name', type: 'string', description: 'The name of the pod.' },
      { name: 'Breakpoint', type: 'string', description: 'What holds it.' },
      { name: 'At', type: 'string', description: 'The call that is about to be made.' },
      { name: 'Steps', type: 'integer', description: 'Calls made.' },
      { name: 'Left', type: 'integer', description: 'Calls left, as things stand.' },
      { name: 'Held', type: 'date', description: 'How long.' },
    ],
    cells(c, nowMs) {
      const { at, stepCount, stepsLeft, since, breakpoint } = c.render(0);
      return [c.info.name, breakpoint, at ? `${at.point} ${at.plugin}${at.node ? ` on ${at.node}` : ''}` : 'end', stepCount, stepsLeft, age(parseTime(since), nowMs)];
    },
  };
}
