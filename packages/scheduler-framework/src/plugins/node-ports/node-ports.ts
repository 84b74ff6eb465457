import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import { plugin, type PluginFactory } from '../../contract.ts';
import { Action } from '../../events/cluster-event.ts';
import { fitsPorts, hostPortsOf, PortTable } from '../../pod/host-ports.ts';
import { skip, unschedulable } from '../../verdict.ts';

const taken = unschedulable("node(s) didn't have free ports for the requested pod ports");

/** Rejects nodes where a host port the pod wants is taken. */
export const nodePorts: PluginFactory = {
  name: 'NodePorts',
  create: (_args, { snapshot }) =>
    plugin({
      name: 'NodePorts',
      preFilter: (info) => (info.hostPorts.length ? { state: undefined } : skip),
      filterScope: 'node',
      filter: (_state, info, node) => (fitsPorts(info.hostPorts, snapshot.ports[node]) ? undefined : taken),
      events: [
        {
          resource: 'Pod',
          action: Action.Delete,
          hint: (pod, old?: Pod) => {
            if (!old?.spec?.nodeName && !old?.status?.nominatedNodeName) return false;
            const freed = hostPortsOf(old);
            return freed.length > 0 && !fitsPorts(pod.hostPorts, PortTable.of(freed));
          },
        },
        { resource: 'Node', action: Action.Add },
      ],
    }),
};
