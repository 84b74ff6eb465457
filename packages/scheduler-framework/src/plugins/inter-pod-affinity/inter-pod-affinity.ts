import type { Node, Pod } from '@pilothouse/api-schemas/types/core/v1';
import { maxNodeScore, plugin, type PluginFactory, type PluginHandle } from '../../contract.ts';
import { Action } from '../../events/cluster-event.ts';
import { namespaceLabels } from '../../objects.ts';
import { type AffinityTerm, affinityTermsOf, matchesAllTerms, termMatches } from '../../pod/affinity-terms.ts';
import type { PodInfo } from '../../pod/pod-info.ts';
import { isEmpty, type Labels } from '../../selector.ts';
import type { PlacedPod } from '../../snapshot/cluster-snapshot.ts';
import { KeptStates } from '../../snapshot/kept-states.ts';
import { failure, skip, unresolvable, unschedulable } from '../../verdict.ts';
import { TopologySums } from './topology-sums.ts';

export interface InterPodAffinityArgs {
  hardPodAffinityWeight: number;
  ignorePreferredTermsOfExistingPods?: boolean;
}

const existingAnti = unschedulable("node(s) didn't satisfy existing pods anti-affinity rules");
const noAffinity = unresolvable("node(s) didn't match pod affinity rules");
const anti = unschedulable("node(s) didn't match pod anti-affinity rules");

interface FilterState {
  /** Running pods whose required anti-affinity the pod would break. */
  readonly existingAnti: TopologySums;
  /** Pods that match all required affinity terms of the pod. */
  readonly affinity: TopologySums;
  /** Pods that match some required anti-affinity term of the pod. */
  readonly anti: TopologySums;
  readonly terms: readonly AffinityTerm[];
  readonly antiTerms: readonly AffinityTerm[];
  readonly pod: PodInfo;
  readonly namespaceLabels: Labels | undefined;
}

interface ScoreState {
  readonly sums: TopologySums;
  readonly preferred: readonly AffinityTerm[];
  readonly preferredAnti: readonly AffinityTerm[];
  /** The pod has preferred terms, so that all pods count, not only those with affinity. */
  readonly all: boolean;
  readonly pod: PodInfo;
  readonly namespaceLabels: Labels | undefined;
}

/** Adds the namespaces that the term's selector selects to those it names. */
function withNamespaces(term: AffinityTerm, { objects }: PluginHandle): AffinityTerm {
  if (isEmpty(term.namespaceSelector) || term.namespaceSelector.nothing) return term;
  const names = objects.namespaces.list().filter((n) => term.namespaceSelector.matches(n.metadata.labels ?? {})).map((n) => n.metadata.name!);
  return { ...term, namespaces: new Set([...term.namespaces, ...names]) };
}

function keyOf(info: PodInfo, version: number, what: string): string {
  const affinity = info.spec.affinity;
  return `${what}\n${version}\n${info.namespace}\n${JSON.stringify([info.pod.metadata.labels, affinity?.podAffinity, affinity?.podAntiAffinity])}`;
}

/** Affinity and anti-affinity between pods, in both directions: required terms filter, preferred ones score. */
export const interPodAffinity: PluginFactory<InterPodAffinityArgs> = {
  name: 'InterPodAffinity',
  create: (args, handle) => {
    const { snapshot, objects } = handle;

    function count(state: FilterState, other: PodInfo, node: number, sign: 1 | -1): void {
      for (const term of other.terms.requiredAnti) if (termMatches(term, state.pod.pod, state.namespaceLabels)) state.existingAnti.add(node, term.topologyKey, 1, sign);
      if (matchesAllTerms(state.terms, other.pod)) for (const term of state.terms) state.affinity.add(node, term.topologyKey, 1, sign);
      for (const term of state.antiTerms) if (termMatches(term, other.pod, undefined)) state.anti.add(node, term.topologyKey, 1, sign);
    }

    function* podsFor(terms: readonly AffinityTerm[]): Iterable<PlacedPod> {
      const open = terms.some((t) => !t.namespaceSelector.nothing);
      const namespaces = open ? snapshot.podsByNamespace.keys() : new Set(terms.flatMap((t) => [...t.namespaces]));
      for (const namespace of namespaces) yield* snapshot.podsByNamespace.get(namespace)?.values() ?? [];
    }

    function buildFilterState(info: PodInfo): FilterState {
      const sums = () => new TopologySums(snapshot, { keepZeros: false });
      const state: FilterState = {
        existingAnti: sums(),
        affinity: sums(),
        anti: sums(),
        terms: info.terms.required.map((t) => withNamespaces(t, handle)),
        antiTerms: info.terms.requiredAnti.map((t) => withNamespaces(t, handle)),
        pod: info,
        namespaceLabels: namespaceLabels(objects, info.namespace),
      };
      for (const { info: other, node } of snapshot.podsWithRequiredAntiAffinity.values()) {
        for (const term of other.terms.requiredAnti) if (termMatches(term, info.pod, state.namespaceLabels)) state.existingAnti.add(node, term.topologyKey, 1, 1);
      }
      if (state.terms.length || state.antiTerms.length) {
        for (const { info: other, node } of podsFor([...state.terms, ...state.antiTerms])) {
          if (matchesAllTerms(state.terms, other.pod)) for (const term of state.terms) state.affinity.add(node, term.topologyKey, 1, 1);
          for (const term of state.antiTerms) if (termMatches(term, other.pod, undefined)) state.anti.add(node, term.topologyKey, 1, 1);
        }
      }
      return state;
    }
    const filterStates = new KeptStates<FilterState>(snapshot, (state, change) => count(state, change.info, change.node, change.sign));

    function weigh(state: ScoreState, other: PodInfo, node: number, sign: 1 | -1): void {
      if (!state.all && !other.withAffinity) return;
      const add = (terms: readonly AffinityTerm[], subject: PodInfo, labels: Labels | undefined, weightOf: (t: AffinityTerm) => number) => {
        for (const term of terms) if (termMatches(term, subject.pod, labels)) state.sums.add(node, term.topologyKey, weightOf(term), sign);
      };
      add(state.preferred, other, undefined, (t) => t.weight);
      add(state.preferredAnti, other, undefined, (t) => -t.weight);
      if (!other.withAffinity) return;
      if (args.hardPodAffinityWeight > 0) add(other.terms.required, state.pod, state.namespaceLabels, () => args.hardPodAffinityWeight);
      add(other.terms.preferred, state.pod, state.namespaceLabels, (t) => t.weight);
      add(other.terms.preferredAnti, state.pod, state.namespaceLabels, (t) => -t.weight);
    }
    const scoreStates = new KeptStates<ScoreState>(snapshot, (state, change) => weigh(state, change.info, change.node, change.sign));

    function buildScoreState(info: PodInfo, all: boolean): ScoreState {
      const state: ScoreState = {
        sums: new TopologySums(snapshot, { keepZeros: true }),
        preferred: info.terms.preferred.map((t) => withNamespaces(t, handle)),
        preferredAnti: info.terms.preferredAnti.map((t) => withNamespaces(t, handle)),
        all,
        pod: info,
        namespaceLabels: namespaceLabels(objects, info.namespace),
      };
      if (all) for (const pods of snapshot.podsByNamespace.values()) for (const { info: other, node } of pods.values()) weigh(state, other, node, 1);
      else for (const { info: other, node } of snapshot.podsWithAffinity.values()) weigh(state, other, node, 1);
      return state;
    }

    return plugin<FilterState, ScoreState>({
      name: 'InterPodAffinity',
      preFilter: (info) => {
        if (!info.withAffinity && !snapshot.podsWithRequiredAntiAffinity.size) return skip;
        if (info.terms.error) return unresolvable(`parsing pod: ${info.terms.error}`);
        const state = filterStates.get(keyOf(info, objects.namespacesVersion, 'filter'), () => buildFilterState(info));
        return state.existingAnti.empty && !state.terms.length && !state.antiTerms.length ? skip : { state };
      },
      cloneState: (state) => ({ ...state, existingAnti: state.existingAnti.clone(), affinity: state.affinity.clone(), anti: state.anti.clone() }),
      addPod: (state, _info, other, node) => count(state, other, node, 1),
      removePod: (state, _info, other, node) => count(state, other, node, -1),
      filterScope: 'cluster',
      filter: (state, info, node) => {
        let found = true;
        for (const term of state.terms) {
          if (snapshot.label(term.topologyKey).codes[node] < 0) return noAffinity;
          if (state.affinity.get(node, term.topologyKey) <= 0) found = false;
        }
        // The first pod of a group that wants to be with itself may start anywhere.
        if (!found && !(state.affinity.empty && matchesAllTerms(state.terms, info.pod))) return noAffinity;
        if (!state.anti.empty) for (const term of state.antiTerms) if (state.anti.get(node, term.topologyKey) > 0) return anti;
        if (!state.existingAnti.empty) for (const key of state.existingAnti.byKey.keys()) if (state.existingAnti.get(node, key) > 0) return existingAnti;
        return undefined;
      },
      preScore: (info) => {
        const all = info.withAffinity && info.terms.preferred.length + info.terms.preferredAnti.length > 0;
        if (!all && (args.ignorePreferredTermsOfExistingPods || !snapshot.podsWithAffinity.size)) return skip;
        if (info.terms.error) return failure(`failed to parse pod: ${info.terms.error}`);
        const state = scoreStates.get(keyOf(info, objects.namespacesVersion, 'score'), () => buildScoreState(info, all));
        return state.sums.empty ? skip : { state };
      },
      scoreScope: 'cluster',
      score: (state, _info, node) => {
        let score = 0;
        for (const key of state.sums.byKey.keys()) score += state.sums.get(node, key);
        return score;
      },
      normalize: (_state, scores) => {
        let min = Number.MAX_SAFE_INTEGER;
        let max = Number.MIN_SAFE_INTEGER;
        for (const score of scores) {
          min = Math.min(min, score);
          max = Math.max(max, score);
        }
        const range = max - min;
        for (let i = 0; i < scores.length; i++) scores[i] = range > 0 ? Math.trunc(maxNodeScore * ((scores[i] - min) / range)) : 0;
      },
      events: [
        { resource: 'Pod', action: Action.Add | Action.Delete | Action.UpdatePodLabel, hint: afterPod },
        { resource: 'Node', action: Action.Add | Action.UpdateNodeLabel, hint: afterNode },
      ],
    });
  },
};

function afterPod(pod: PodInfo, old?: Pod, now?: Pod): boolean {
  if (now && old && pod.uid === now.metadata.uid) return true;
  const elsewhere = (p: Pod | undefined) => p && !p.spec?.nodeName && !p.status?.nominatedNodeName;
  if (elsewhere(now) || elsewhere(old)) return false;
  const { required, requiredAnti } = pod.terms;
  if (now && old) return (!matchesAllTerms(required, old) && matchesAllTerms(required, now)) || (matchesAllTerms(requiredAnti, old) && !matchesAllTerms(requiredAnti, now));
  if (now) return matchesAllTerms(required, now);
  return matchesAllTerms(requiredAnti, old!) || matchesAllTerms(affinityTermsOf(old!).requiredAnti, pod.pod);
}

function afterNode(pod: PodInfo, old?: Node, now?: Node): boolean {
  const value = (node: Node | undefined, key: string) => node?.metadata.labels?.[key];
  const moved = (key: string) => value(old, key) !== undefined && value(now, key) !== undefined && value(old, key) !== value(now, key);
  for (const { topologyKey: key } of pod.terms.required) {
    if (old ? (value(old, key) === undefined && value(now, key) !== undefined) || moved(key) : value(now, key) !== undefined) return true;
  }
  for (const { topologyKey: key } of pod.terms.requiredAnti) {
    if (!old || (value(old, key) !== undefined && value(now, key) === undefined) || moved(key)) return true;
  }
  return false;
}
