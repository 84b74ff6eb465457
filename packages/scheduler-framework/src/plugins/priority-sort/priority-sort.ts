import { plugin, type PluginFactory } from '../../contract.ts';

/** Higher priority first, then who came first. */
export const prioritySort: PluginFactory = {
  name: 'PrioritySort',
  create: () => plugin({ name: 'PrioritySort', queueSort: (a, b) => a.info.priority > b.info.priority || (a.info.priority === b.info.priority && a.timestampMs < b.timestampMs) }),
};
