import { nodes } from '@pilothouse/apimachinery';
import type { AdmissionPlugin } from '../contract.ts';
import { isAbout } from './refuse.ts';

const topology = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region'];

/** A pod that is put on a node takes over where the node is: on its binding, or when it is made for a node. kep.k8s.io/4742 */
export const podTopologyLabels: AdmissionPlugin = {
  name: 'PodTopologyLabels',
  operations: ['CREATE'],
  mutate(a) {
    const binding = (isAbout(a, 'pods') && a.subresource === 'binding') || (isAbout(a, 'bindings') && !a.subresource);
    if (!binding && !(isAbout(a, 'pods') && !a.subresource)) return;
    if (binding && a.object?.target?.kind !== 'Node') return;
    const name = binding ? a.object?.target?.name : a.object?.spec?.nodeName;
    // As upstream from what is known now: nobody waits for a node that may not be there.
    const labels = name ? a.read.peek(nodes, name)?.metadata.labels : undefined;
    const taken = topology.filter((key) => labels?.[key] !== undefined).map((key) => [key, labels![key]]);
    if (!taken.length) return;
    a.object.metadata ??= {};
    a.object.metadata.labels = { ...a.object.metadata.labels, ...Object.fromEntries(taken) };
  },
};
