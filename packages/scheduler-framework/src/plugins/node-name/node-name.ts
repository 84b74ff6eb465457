import { plugin, type PluginFactory } from '../../contract.ts';
import { Action } from '../../events/cluster-event.ts';
import { unresolvable } from '../../verdict.ts';

const wrongNode = unresolvable("node(s) didn't match the requested node name");

/** Rejects all nodes but the one that `spec.nodeName` names. */
export const nodeName: PluginFactory = {
  name: 'NodeName',
  create: (_args, { snapshot }) =>
    plugin<string>({
      name: 'NodeName',
      prepareFilter: (info) => info.spec.nodeName ?? '',
      filterScope: 'node',
      filter: (wanted, _info, node) => (wanted === '' || wanted === snapshot.names[node] ? undefined : wrongNode),
      events: [{ resource: 'Node', action: Action.Add }],
    }),
};
