import type { Node, Pod, Toleration } from '@pilothouse/api-schemas/types/core/v1';
import { plugin, type PluginFactory } from '../../contract.ts';
import { Action } from '../../events/cluster-event.ts';
import { hasUntoleratedTaint, toleratesTaint } from '../../pod/tolerations.ts';
import { unresolvable } from '../../verdict.ts';
import { scaleByMax } from '../normalize.ts';

const untolerated = unresolvable('node(s) had untolerated taint(s)');

/** NoSchedule and NoExecute taints filter; PreferNoSchedule taints that are not tolerated cost score. */
export const taintToleration: PluginFactory = {
  name: 'TaintToleration',
  create: (_args, { snapshot }) =>
    plugin<undefined, readonly Toleration[]>({
      name: 'TaintToleration',
      filterScope: 'node',
      filter: (_state, info, node) => {
        const taints = snapshot.taints[node];
        return taints.length && hasUntoleratedTaint(taints, info.spec.tolerations) ? untolerated : undefined;
      },
      preScore: (info) => ({ state: (info.spec.tolerations ?? []).filter((t) => !t.effect || t.effect === 'PreferNoSchedule') }),
      scoreScope: 'node',
      score: (tolerations, _info, node) => {
        let count = 0;
        for (const taint of snapshot.taints[node]) if (taint.effect === 'PreferNoSchedule' && !toleratesTaint(tolerations, taint)) count++;
        return count;
      },
      normalize: (_state, scores) => scaleByMax(scores, true),
      events: [
        {
          resource: 'Node',
          action: Action.Add | Action.UpdateNodeTaint,
          hint: (pod, old?: Node, now?: Node) => (!old || hasUntoleratedTaint(old.spec?.taints, pod.spec.tolerations)) && !hasUntoleratedTaint(now!.spec?.taints, pod.spec.tolerations),
        },
        { resource: 'Pod', action: Action.UpdatePodToleration, hint: (pod, _old?: Pod, now?: Pod) => pod.uid === now!.metadata.uid },
      ],
    }),
};
