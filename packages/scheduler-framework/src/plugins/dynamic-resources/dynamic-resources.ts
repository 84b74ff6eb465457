import { plugin, type PluginFactory } from '../../contract.ts';
import { skip } from '../../verdict.ts';
export const dynamicResources: PluginFactory = { name: 'DynamicResources', create: () => plugin({ name: 'DynamicResources', preFilter: () => skip, filter: () => undefined, filterScope: 'cluster' }) };
