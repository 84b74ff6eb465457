import type { Container, Node, Pod } from '@pilothouse/api-schemas/types/core/v1';
import { plugin, type PluginFactory } from '../../contract.ts';
import { sameValue } from '../../events/changes.ts';
import { Action } from '../../events/cluster-event.ts';
import { skip, unresolvable } from '../../verdict.ts';

const lacking = unresolvable("node(s) didn't match Pod's required features");

const restartsAll = (c: Container) => c.restartPolicyRules?.some((rule) => rule.action === 'RestartAllContainers') ?? false;

/** Features a node must declare for the pod, by what the pod's spec uses. kep.k8s.io/5328 */
const featureNeeds: readonly { readonly name: string; readonly needed: (pod: Pod) => boolean }[] = [
  { name: 'RestartAllContainersOnContainerExits', needed: (pod) => [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].some(restartsAll) },
  { name: 'UserNamespacesHostNetworkSupport', needed: (pod) => pod.spec?.hostNetwork === true && pod.spec.hostUsers === false },
];

const needsOf = (pod: Pod): string[] => featureNeeds.filter((f) => f.needed(pod)).map((f) => f.name);

/** Rejects nodes that do not declare a feature the pod needs. */
export const nodeDeclaredFeatures: PluginFactory = {
  name: 'NodeDeclaredFeatures',
  create: (_args, { snapshot, features }) =>
    plugin<readonly string[]>({
      name: 'NodeDeclaredFeatures',
      preFilter: (info) => {
        const needs = features.NodeDeclaredFeatures ? needsOf(info.pod) : [];
        return needs.length ? { state: needs } : skip;
      },
      filterScope: 'cluster',
      filter: (needs, _info, node) => {
        const declared = snapshot.nodes[node]?.status?.declaredFeatures ?? [];
        return needs.every((name) => declared.includes(name)) ? undefined : lacking;
      },
      events: [
        { resource: 'Node', action: Action.Add | Action.UpdateNodeDeclaredFeature, hint: (_pod, old?: Node, now?: Node) => !old || !sameValue(old.status?.declaredFeatures, now!.status?.declaredFeatures) },
        { resource: 'Pod', action: Action.Update, hint: (pod, old?: Pod, now?: Pod) => pod.uid === now!.metadata.uid && needsOf(old!).join() !== needsOf(now!).join() },
      ],
    }),
};
