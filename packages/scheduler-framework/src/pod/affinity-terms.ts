/** Pod affinity and anti-affinity terms, parsed once per pod. */
import type { Pod, PodAffinityTerm, WeightedPodAffinityTerm } from '@pilothouse/api-schemas/types/core/v1';
import { type Labels, labelSelector, type Selector } from '../selector.ts';

export interface AffinityTerm {
  readonly topologyKey: string;
  readonly selector: Selector;
  readonly namespaces: ReadonlySet<string>;
  readonly namespaceSelector: Selector;
  /** Preferred terms only; 0 otherwise. */
  readonly weight: number;
}

export interface AffinityTerms {
  readonly required: readonly AffinityTerm[];
  readonly requiredAnti: readonly AffinityTerm[];
  readonly preferred: readonly AffinityTerm[];
  readonly preferredAnti: readonly AffinityTerm[];
  /** Why some term could not be parsed. */
  readonly error?: string;
}

const none: AffinityTerms = { required: [], requiredAnti: [], preferred: [], preferredAnti: [] };

function parse(pod: Pod, term: PodAffinityTerm, weight: number): AffinityTerm {
  const own = !term.namespaces?.length && !term.namespaceSelector;
  return {
    topologyKey: term.topologyKey,
    selector: labelSelector(term.labelSelector),
    namespaces: new Set(own ? [pod.metadata.namespace ?? ''] : term.namespaces),
    namespaceSelector: labelSelector(term.namespaceSelector),
    weight,
  };
}

export function affinityTermsOf(pod: Pod): AffinityTerms {
  const affinity = pod.spec?.affinity;
  if (!affinity?.podAffinity && !affinity?.podAntiAffinity) return none;
  const errors: string[] = [];
  const read = (name: string, terms: readonly PodAffinityTerm[] | undefined) => attempt(name, () => (terms ?? []).map((t) => parse(pod, t, 0)));
  const readWeighted = (name: string, terms: readonly WeightedPodAffinityTerm[] | undefined) => attempt(name, () => (terms ?? []).map((t) => parse(pod, t.podAffinityTerm, t.weight)));
  const attempt = (name: string, get: () => AffinityTerm[]) => {
    try {
      return get();
    } catch (error) {
      errors.push(`${name}: ${(error as Error).message}`);
      return [];
    }
  };
  const terms = {
    required: read('requiredAffinityTerms', affinity.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    requiredAnti: read('requiredAntiAffinityTerms', affinity.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    preferred: readWeighted('preferredAffinityTerms', affinity.podAffinity?.preferredDuringSchedulingIgnoredDuringExecution),
    preferredAnti: readWeighted('preferredAntiAffinityTerms', affinity.podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution),
  };
  return errors.length ? { ...terms, error: errors.length === 1 ? errors[0] : `[${errors.join(', ')}]` } : terms;
}

/** `namespaceLabels` are those of the pod's namespace; undefined where they are not known (then the selector sees no labels). */
export const termMatches = (term: AffinityTerm, pod: Pod, namespaceLabels: Labels | undefined): boolean => (term.namespaces.has(pod.metadata.namespace ?? '') || term.namespaceSelector.matches(namespaceLabels)) && term.selector.matches(pod.metadata.labels);

/** False where there are no terms. */
export const matchesAllTerms = (terms: readonly AffinityTerm[], pod: Pod): boolean => terms.length > 0 && terms.every((t) => termMatches(t, pod, undefined));
