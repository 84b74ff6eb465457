import type { Node, Pod } from '@pilothouse/api-schemas/types/core/v1';
import { plugin, type PluginFactory } from '../../contract.ts';
import { Action } from '../../events/cluster-event.ts';
import { toleratesTaint, unschedulableTaint } from '../../pod/tolerations.ts';
import { unresolvable } from '../../verdict.ts';

const cordoned = unresolvable('node(s) were unschedulable');

/** Rejects cordoned nodes, unless the pod tolerates `node.kubernetes.io/unschedulable`. */
export const nodeUnschedulable: PluginFactory = {
  name: 'NodeUnschedulable',
  create: (_args, { snapshot }) =>
    plugin<boolean>({
      name: 'NodeUnschedulable',
      prepareFilter: (info) => toleratesTaint(info.spec.tolerations, unschedulableTaint),
      filterScope: 'node',
      filter: (tolerated, _info, node) => (snapshot.unschedulable[node] && !tolerated ? cordoned : undefined),
      events: [
        { resource: 'Node', action: Action.Add | Action.UpdateNodeTaint, hint: (_pod, old?: Node, now?: Node) => (!old || Boolean(old.spec?.unschedulable)) && !now!.spec?.unschedulable },
        { resource: 'Pod', action: Action.UpdatePodToleration, hint: (pod, _old?: Pod, now?: Pod) => pod.uid === now!.metadata.uid && toleratesTaint(now!.spec?.tolerations, unschedulableTaint) },
      ],
    }),
};
