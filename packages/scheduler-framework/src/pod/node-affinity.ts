/** Node selectors and node affinity, parsed once per pod: k8s.io/component-helpers/scheduling/corev1/nodeaffinity. */
import type { NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, Pod, PreferredSchedulingTerm } from '@pilothouse/api-schemas/types/core/v1';
import { type Labels, type Requirement, requirement } from '../selector.ts';

/** What is asked of a node: its labels and its name. */
export type NodePredicate = (labels: Labels, name: string) => boolean;

interface ParsedTerm {
  matches: NodePredicate;
  error?: string;
}

const isEmptyTerm = (term: NodeSelectorTerm) => !term.matchExpressions?.length && !term.matchFields?.length;

function parseTerm(term: NodeSelectorTerm): ParsedTerm {
  const expressions: Requirement[] = [];
  const fields: ((name: string) => boolean)[] = [];
  try {
    for (const e of term.matchExpressions ?? []) expressions.push(requirement(e.key, e.operator, e.values));
    for (const f of term.matchFields ?? []) fields.push(fieldRequirement(f));
  } catch (error) {
    return { matches: () => false, error: (error as Error).message };
  }
  return {
    matches: (labels, name) => {
      for (const r of expressions) if (!r.matches(labels)) return false;
      for (const f of fields) if (!f(name)) return false;
      return true;
    },
  };
}

/** Only `metadata.name` is a field of nodes; any other is empty. */
function fieldRequirement(r: NodeSelectorRequirement): (name: string) => boolean {
  if (r.operator !== 'In' && r.operator !== 'NotIn') throw new Error(`Unsupported value: ${JSON.stringify(r.operator)}: supported values: "In", "NotIn"`);
  if (r.values?.length !== 1) throw new Error('must have one element');
  const value = r.values[0];
  const isName = r.key === 'metadata.name';
  return r.operator === 'In' ? (name) => (isName ? name : '') === value : (name) => (isName ? name : '') !== value;
}

/** Terms are ORed, an empty term matches nothing; a term that cannot be parsed does not match. */
export function nodeSelectorPredicate(selector: NodeSelector): NodePredicate {
  const terms = (selector.nodeSelectorTerms ?? []).filter((t) => !isEmptyTerm(t)).map(parseTerm);
  return (labels, name) => terms.some((t) => t.matches(labels, name));
}

/** The first reason the selector cannot be parsed. */
export const nodeSelectorError = (selector: NodeSelector): string | undefined => (selector.nodeSelectorTerms ?? []).filter((t) => !isEmptyTerm(t)).map(parseTerm).find((t) => t.error)?.error;

/** `nodeSelector` and required node affinity together; undefined where the pod has neither. */
export function requiredNodeAffinity(pod: Pod): NodePredicate | undefined {
  const labels = Object.entries(pod.spec?.nodeSelector ?? {});
  const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  if (!labels.length && !required) return undefined;
  const selector = required && nodeSelectorPredicate(required);
  return (nodeLabels, name) => {
    for (const [key, value] of labels) if (nodeLabels[key] !== value) return false;
    return selector ? selector(nodeLabels, name) : true;
  };
}

/** Sum of the weights of the terms that match. @throws Error for terms that cannot be parsed. */
export function preferredTerms(terms: readonly PreferredSchedulingTerm[]): (labels: Labels, name: string) => number {
  const parsed = terms.filter((t) => t.weight !== 0 && !isEmptyTerm(t.preference)).map((t) => ({ weight: t.weight, ...parseTerm(t.preference) }));
  const wrong = parsed.find((t) => t.error);
  if (wrong) throw new Error(wrong.error);
  return (labels, name) => {
    let sum = 0;
    for (const t of parsed) if (t.matches(labels, name)) sum += t.weight;
    return sum;
  };
}
