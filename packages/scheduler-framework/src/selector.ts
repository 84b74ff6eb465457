/** Selectors compiled to closures: k8s.io/apimachinery/pkg/labels as the scheduler needs it. */
import type { LabelSelector } from '@pilothouse/api-schemas/types/meta/v1';

export type Labels = Readonly<Record<string, string>>;
export type Operator = 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt';

export interface Requirement {
  readonly key: string;
  readonly operator: Operator;
  readonly values: readonly string[];
  readonly matches: (labels: Labels) => boolean;
}

export interface Selector {
  /** ANDed. */
  readonly requirements: readonly Requirement[];
  /** Matches nothing, whatever the requirements. */
  readonly nothing: boolean;
  /** Equal for selectors that select alike. */
  readonly text: string;
  matches(labels: Labels | undefined): boolean;
}

const noLabels: Labels = {};
const integer = /^[+-]?[0-9]+$/;

/** @throws Error where the API would refuse the requirement. */
export function requirement(key: string, operator: string, values: readonly string[] = []): Requirement {
  const has = (labels: Labels) => labels[key] !== undefined;
  const build = (matches: (labels: Labels) => boolean): Requirement => ({ key, operator: operator as Operator, values, matches });
  switch (operator) {
    case 'In':
    case 'NotIn': {
      if (!values.length) throw new Error("for 'in', 'notin' operators, values set can't be empty");
      const wanted = operator === 'In';
      if (values.length === 1) {
        const only = values[0];
        return build(wanted ? (labels) => labels[key] === only : (labels) => labels[key] !== only);
      }
      const set = new Set(values);
      return build(wanted ? (labels) => has(labels) && set.has(labels[key]) : (labels) => !has(labels) || !set.has(labels[key]));
    }
    case 'Exists':
    case 'DoesNotExist': {
      if (values.length) throw new Error('values set must be empty for exists and does not exist');
      return build(operator === 'Exists' ? has : (labels) => !has(labels));
    }
    case 'Gt':
    case 'Lt': {
      if (values.length !== 1) throw new Error("for 'Gt', 'Lt' operators, exactly one value is required");
      if (!integer.test(values[0])) throw new Error("for 'Gt', 'Lt' operators, the value must be an integer");
      const bound = BigInt(values[0]);
      return build((labels) => {
        const text = labels[key];
        if (text === undefined || !integer.test(text)) return false;
        return operator === 'Gt' ? BigInt(text) > bound : BigInt(text) < bound;
      });
    }
    default:
      throw new Error(`${JSON.stringify(operator)} is not a valid label selector operator`);
  }
}

export function selectorOf(requirements: readonly Requirement[]): Selector {
  const text = requirements.map((r) => `${r.key} ${r.operator} ${JSON.stringify([...r.values].sort())}`).sort().join(';');
  const only = requirements.length === 1 ? requirements[0].matches : undefined;
  return {
    requirements,
    nothing: false,
    text,
    matches: only
      ? (labels) => only(labels ?? noLabels)
      : (labels) => {
          const set = labels ?? noLabels;
          for (const r of requirements) if (!r.matches(set)) return false;
          return true;
        },
  };
}

export const everything: Selector = selectorOf([]);
export const nothing: Selector = { requirements: [], nothing: true, text: '!', matches: () => false };

/** No requirement at all: selects everything. */
export const isEmpty = (selector: Selector): boolean => !selector.nothing && selector.requirements.length === 0;

export const selectorOfLabels = (labels: Labels): Selector => selectorOf(Object.entries(labels).map(([key, value]) => requirement(key, 'In', [value])));

/** Absent selects nothing, empty selects everything. @throws Error for what the API would refuse. */
export function labelSelector(source: LabelSelector | undefined): Selector {
  if (!source) return nothing;
  const requirements = Object.entries(source.matchLabels ?? {}).map(([key, value]) => requirement(key, 'In', [value]));
  for (const e of source.matchExpressions ?? []) requirements.push(requirement(e.key, e.operator, e.values));
  return requirements.length ? selectorOf(requirements) : everything;
}

/** Both must match. */
export function bothSelectors(a: Selector, b: Selector): Selector {
  if (a.nothing || b.nothing) return nothing;
  return selectorOf([...a.requirements, ...b.requirements]);
}
