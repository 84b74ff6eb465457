/** Whether a node fits what a pod requires of it (k8s.io/component-helpers/scheduling/corev1/nodeaffinity). */
import type { Node, NodeSelectorRequirement, NodeSelectorTerm, PodSpec } from '@pilothouse/api-schemas/types/core/v1';

/** The node selector and the required node affinity of a pod. */
export function fitsRequiredAffinity(spec: PodSpec, node: Node): boolean {
  const labels = node.metadata.labels ?? {};
  for (const [key, value] of Object.entries(spec.nodeSelector ?? {})) if (labels[key] !== value) return false;
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return !required || (required.nodeSelectorTerms ?? []).some((term) => matchesTerm(term, node));
}

/** A term without requirements fits no node. */
export function matchesTerm(term: NodeSelectorTerm, node: Node): boolean {
  const { matchExpressions = [], matchFields = [] } = term;
  if (!matchExpressions.length && !matchFields.length) return false;
  const labels = node.metadata.labels ?? {};
  return matchExpressions.every((r) => matchesRequirement(r, labels[r.key])) && matchFields.every((r) => r.key === 'metadata.name' && matchesRequirement(r, node.metadata.name));
}

function matchesRequirement({ operator, values = [] }: NodeSelectorRequirement, value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
    case 'Lt': {
      const integer = /^[+-]?[0-9]+$/;
      if (value === undefined || values.length !== 1 || !integer.test(value) || !integer.test(values[0])) return false;
      return operator === 'Gt' ? BigInt(value) > BigInt(values[0]) : BigInt(value) < BigInt(values[0]);
    }
    default:
      return false;
  }
}
