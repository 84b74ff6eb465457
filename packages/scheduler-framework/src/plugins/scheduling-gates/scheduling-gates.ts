import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import { plugin, type PluginFactory } from '../../contract.ts';
import { Action } from '../../events/cluster-event.ts';
import { unresolvable } from '../../verdict.ts';

/** Keeps pods with `schedulingGates` out of the active queue. */
export const schedulingGates: PluginFactory = {
  name: 'SchedulingGates',
  create: () =>
    plugin({
      name: 'SchedulingGates',
      preEnqueue: (info) => {
        const gates = info.spec.schedulingGates;
        return gates?.length ? unresolvable(`waiting for scheduling gates: [${gates.map((g) => g.name).join(' ')}]`) : undefined;
      },
      events: [{ resource: 'Pod', action: Action.UpdatePodSchedulingGatesEliminated, hint: (pod, _old?: Pod, now?: Pod) => pod.uid === now!.metadata.uid }],
    }),
};
