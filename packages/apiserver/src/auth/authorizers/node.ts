/** Kubelets: each may read what its own pods need. @see https://kubernetes.io/docs/reference/access-authn-authz/node/ */
import type { PolicyRule } from '@pilothouse/api-schemas/types/rbac/v1';
import { goQuote, pods as podType } from '@pilothouse/apimachinery';
import type { Authorizer, Decision, ObjectReader, RequestAttributes } from '../../contract.ts';
import { nodeOf } from '../names.ts';
import { ruleAllows } from '../rbac/rules.ts';
import type { NodeGraph } from './node-graph.ts';

const allow: Decision = { decision: 'allow' };
const no = (reason = ''): Decision => ({ decision: 'no-opinion', ...(reason && { reason }) });

/** Requires `field=value` (or `==`) among the comma-separated requirements of a field selector. */
const selects = (selector: string | undefined, field: string, value: string) => (selector ?? '').split(',').some((part) => part === `${field}=${value}` || part === `${field}==${value}`);

const writes = ['get', 'create', 'update', 'patch', 'delete'];

/** `nodeRules`: what every node may do beyond the kinds decided here (upstream's role `system:node`). */
export function nodeAuthorizer(graph: NodeGraph, read: ObjectReader, nodeRules: readonly PolicyRule[]): Authorizer {
  const ownPod = async (node: string, a: RequestAttributes): Promise<Decision> => {
    if (!a.name) return no('No Object name found');
    const pod = await read.get(podType, a.name, a.namespace);
    return pod?.spec?.nodeName === node ? allow : no(`no relationship found between node '${node}' and this object`);
  };
  const related = (node: string, a: RequestAttributes): Decision => {
    if (!a.name) return no('No Object name found');
    return graph.reaches(node, a.resource, a.namespace, a.name) ? allow : no(`no relationship found between node '${node}' and this object`);
  };
  const get = (node: string, a: RequestAttributes): Decision => {
    if (a.verb !== 'get') return no('can only get individual resources of this type');
    return a.subresource ? no('cannot get subresource') : related(node, a);
  };
  const readNamespaced = (node: string, a: RequestAttributes): Decision => {
    if (!['get', 'list', 'watch'].includes(a.verb)) return no('can only read resources of this type');
    if (a.subresource) return no('cannot read subresource');
    return a.namespace ? related(node, a) : no('can only read namespaced object of this type');
  };
  const claims = (node: string, a: RequestAttributes): Decision => {
    if (a.subresource !== 'status') return get(node, a);
    return a.verb === 'update' || a.verb === 'patch' ? related(node, a) : no('can only get/update/patch this type');
  };
  const serviceAccounts = (node: string, a: RequestAttributes): Decision => {
    if (a.verb === 'get' && !a.subresource) return related(node, a);
    if (a.verb !== 'create' || !a.name) return no('can only create tokens for individual service accounts');
    return a.subresource === 'token' ? related(node, a) : no('can only create token subresource of serviceaccount');
  };
  const leases = (node: string, a: RequestAttributes): Decision => {
    if (!writes.includes(a.verb)) return no('can only get, create, update, patch, or delete a node lease');
    if (a.namespace !== 'kube-node-lease') return no('can only access leases in the "kube-node-lease" system namespace');
    return a.verb === 'create' || a.name === node ? allow : no('can only access node lease with the same name as the requesting node');
  };
  const csiNodes = (node: string, a: RequestAttributes): Decision => {
    if (!writes.includes(a.verb)) return no('can only get, create, update, patch, or delete a CSINode');
    if (a.subresource) return no('cannot authorize CSINode subresources');
    return a.verb === 'create' || a.name === node ? allow : no('can only access CSINode with the same name as the requesting node');
  };
  const slices = (node: string, a: RequestAttributes): Decision => {
    if (a.subresource) return no('cannot authorize ResourceSlice subresources');
    if (a.verb === 'create') return allow;
    if (['get', 'update', 'patch', 'delete'].includes(a.verb)) return related(node, a);
    if (!['watch', 'list', 'deletecollection'].includes(a.verb)) return no('only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, delete, deletecollection');
    return selects(a.fieldSelector, 'spec.nodeName', node) ? allow : no('can only list/watch/deletecollection resourceslices with spec.nodeName field selector');
  };
  const nodes = (node: string, a: RequestAttributes): Decision => {
    if (a.subresource === 'status') return a.verb === 'update' || a.verb === 'patch' ? allow : no();
    if (a.subresource) return no();
    if (['create', 'update', 'patch'].includes(a.verb)) return allow;
    if (!['get', 'list', 'watch'].includes(a.verb)) return no();
    if (a.name === node) return allow;
    return no(a.name ? `node '${node}' cannot read '${a.name}', only its own Node object` : `node '${node}' cannot read all nodes, only its own Node object`);
  };
  const pods = (node: string, a: RequestAttributes): Decision | Promise<Decision> => {
    if (a.subresource === 'status') return a.verb === 'update' || a.verb === 'patch' ? allow : no();
    if (a.subresource === 'eviction') return a.verb === 'create' ? allow : no();
    if (a.subresource) return no();
    if (a.verb === 'get') return ownPod(node, a);
    if (a.verb === 'create' || a.verb === 'delete') return allow;
    if (a.verb !== 'list' && a.verb !== 'watch') return no();
    if (selects(a.fieldSelector, 'spec.nodeName', node)) return allow;
    return a.name ? ownPod(node, a) : no('can only list/watch pods with spec.nodeName field selector');
  };
  const byResource: Readonly<Record<string, (node: string, a: RequestAttributes) => Decision | Promise<Decision>>> = {
    '/secrets': readNamespaced,
    '/configmaps': readNamespaced,
    '/persistentvolumeclaims': claims,
    '/persistentvolumes': get,
    'resource.k8s.io/resourceclaims': get,
    'storage.k8s.io/volumeattachments': get,
    '/serviceaccounts': serviceAccounts,
    'coordination.k8s.io/leases': leases,
    'storage.k8s.io/csinodes': csiNodes,
    'resource.k8s.io/resourceslices': slices,
    '/nodes': nodes,
    '/pods': pods,
  };
  return {
    name: 'Node',
    authorize(a) {
      const node = nodeOf(a.user);
      if (!node) return no();
      if (!node.name) return no(`unknown node for user ${goQuote(a.user.name)}`);
      const decide = a.isResource ? byResource[`${a.group}/${a.resource}`] : undefined;
      if (decide) return decide(node.name, a);
      return nodeRules.some((rule) => ruleAllows(rule, a)) ? allow : no();
    },
    rulesFor: (user) => (nodeOf(user) ? { resourceRules: [], nonResourceRules: [], incomplete: true, evaluationError: 'node authorizer does not support user rule resolution' } : { resourceRules: [], nonResourceRules: [], incomplete: false }),
  };
}
