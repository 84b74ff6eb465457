import type { Node, Pod } from '@pilothouse/api-schemas/types/core/v1';
import { maxNodeScore, plugin, type PluginFactory } from '../../contract.ts';
import { Action } from '../../events/cluster-event.ts';
import { sameValue } from '../../events/changes.ts';
import type { PodInfo } from '../../pod/pod-info.ts';
import type { LabelColumn } from '../../snapshot/columns.ts';
import { PodCounts } from '../../snapshot/pod-counts.ts';
import { failure, skip, unresolvable, unschedulable } from '../../verdict.ts';
import { roundHalfAway } from '../node-resources/scoring.ts';
import { divide } from '../normalize.ts';
import { type Constraint, ConstraintSource, counts, countsEverywhere, hasAllKeys, hostname, type PodTopologySpreadArgs } from './constraints.ts';
import { Domains, noDomain } from './domains.ts';

const noMatch = unschedulable("node(s) didn't match pod topology spread constraints");
const noLabel = unresolvable("node(s) didn't match pod topology spread constraints (missing required label)");

interface FilterState {
  readonly constraints: readonly Constraint[];
  readonly columns: readonly LabelColumn[];
  readonly domains: readonly Domains[];
  /** 1 where the pod itself would count. */
  readonly self: readonly number[];
}

interface ScoreState {
  readonly constraints: readonly Constraint[];
  /** By node index: 1 for feasible nodes that lack some key, which score 0. */
  readonly ignored: Uint8Array;
  /** Per constraint: pods by the value's code; for hostnames, by node index. */
  readonly counts: readonly Int32Array[];
  readonly columns: readonly LabelColumn[];
  readonly weights: readonly number[];
}

/** Keeps pods of a kind spread over zones, hosts or other domains: required constraints filter, others score. kep.k8s.io/895 */
export const podTopologySpread: PluginFactory<PodTopologySpreadArgs> = {
  name: 'PodTopologySpread',
  create: (args, { snapshot, objects }) => {
    const source = new ConstraintSource(args, objects);
    const podCounts = new PodCounts(snapshot);

    function filterState(info: PodInfo, constraints: readonly Constraint[]): FilterState {
      const columns = constraints.map((c) => snapshot.label(c.topologyKey));
      const perNode = constraints.map((c) => podCounts.of(info.namespace, c.selector));
      const sums = columns.map((column) => new Int32Array(column.values.length).fill(noDomain));
      const alike = constraints.map((c) => countsEverywhere(c, info));
      const nodes = snapshot.list();
      for (let n = 0; n < nodes.length; n++) {
        const node = nodes[n];
        if (!hasAllCodes(columns, node)) continue;
        for (let i = 0; i < constraints.length; i++) {
          if (!alike[i] && !counts(constraints[i], info, snapshot, node)) continue;
          const code = columns[i].codes[node];
          const sum = sums[i][code];
          sums[i][code] = (sum === noDomain ? 0 : sum) + perNode[i][node];
        }
      }
      return { constraints, columns, domains: sums.map((s) => Domains.of(s)), self: constraints.map((c) => (c.selector.matches(info.pod.metadata.labels) ? 1 : 0)) };
    }

    function change(state: FilterState, info: PodInfo, other: PodInfo, node: number, delta: number): void {
      if (other.namespace !== info.namespace || !hasAllKeys(state.constraints, snapshot.labels[node])) return;
      state.constraints.forEach((c, i) => {
        if (c.selector.matches(other.pod.metadata.labels) && counts(c, info, snapshot, node)) state.domains[i].add(snapshot.label(c.topologyKey).codes[node], delta);
      });
    }

    function scoreState(info: PodInfo, feasible: Int32Array): ScoreState | undefined {
      const constraints = source.of(info.pod, 'ScheduleAnyway');
      if (!constraints.length) return undefined;
      const requireAll = Boolean(info.spec.topologySpreadConstraints?.length) || !source.systemDefaulted;
      const columns = constraints.map((c) => snapshot.label(c.topologyKey));
      const ignored = new Uint8Array(snapshot.capacity);
      const sums = columns.map((column) => new Int32Array(column.values.length).fill(-1));
      const sizes = constraints.map(() => 0);
      const sawNone = constraints.map(() => false);
      let scored = 0;
      for (const node of feasible) {
        if (requireAll && !hasAllCodes(columns, node)) {
          ignored[node] = 1;
          continue;
        }
        scored++;
        for (let i = 0; i < constraints.length; i++) {
          if (constraints[i].topologyKey === hostname) continue;
          const code = columns[i].codes[node];
          if (code < 0 ? sawNone[i] : sums[i][code] >= 0) continue;
          if (code < 0) sawNone[i] = true;
          else sums[i][code] = 0;
          sizes[i]++;
        }
      }
      const perNode = constraints.map((c) => podCounts.of(info.namespace, c.selector));
      for (let i = 0; i < constraints.length; i++) {
        if (constraints[i].topologyKey === hostname) continue;
        const codes = columns[i].codes;
        for (const node of snapshot.list()) {
          const code = codes[node];
          if (code < 0 || sums[i][code] < 0 || perNode[i][node] === 0) continue;
          if (requireAll && !hasAllCodes(columns, node)) continue;
          if (counts(constraints[i], info, snapshot, node)) sums[i][code] += perNode[i][node];
        }
      }
      const isHost = (c: Constraint) => c.topologyKey === hostname;
      return {
        constraints,
        columns,
        ignored,
        counts: constraints.map((c, i) => (isHost(c) ? perNode[i] : sums[i])),
        weights: constraints.map((c, i) => Math.log((isHost(c) ? scored : sizes[i]) + 2)),
      };
    }

    return plugin<FilterState, ScoreState>({
      name: 'PodTopologySpread',
      preFilter: (info) => {
        let constraints: readonly Constraint[];
        try {
          constraints = source.of(info.pod, 'DoNotSchedule');
        } catch (error) {
          return failure(`get constraints from pod: obtaining pod's hard topology spread constraints: ${(error as Error).message}`, error);
        }
        return constraints.length ? { state: filterState(info, constraints) } : skip;
      },
      cloneState: (state) => ({ ...state, domains: state.domains.map((d) => d.clone()) }),
      addPod: (state, info, other, node) => change(state, info, other, node, 1),
      removePod: (state, info, other, node) => change(state, info, other, node, -1),
      filterScope: 'cluster',
      filter: (state, _info, node) => {
        for (let i = 0; i < state.constraints.length; i++) {
          const c = state.constraints[i];
          const code = state.columns[i].codes[node];
          if (code < 0) return noLabel;
          const domains = state.domains[i];
          const least = domains.size < c.minDomains ? 0 : domains.least;
          if (domains.get(code) + state.self[i] - least > c.maxSkew) return noMatch;
        }
        return undefined;
      },
      preScore: (info, feasible) => {
        try {
          const state = scoreState(info, feasible);
          return state ? { state } : skip;
        } catch (error) {
          return failure(`calculating preScoreState: obtaining pod's soft topology spread constraints: ${(error as Error).message}`, error);
        }
      },
      scoreScope: 'cluster',
      score: (state, _info, node) => {
        if (state.ignored[node]) return 0;
        let score = 0;
        for (let i = 0; i < state.constraints.length; i++) {
          const c = state.constraints[i];
          const code = state.columns[i].codes[node];
          if (code < 0) continue;
          score += state.counts[i][c.topologyKey === hostname ? node : code] * state.weights[i] + (c.maxSkew - 1);
        }
        return roundHalfAway(score);
      },
      normalize: (state, scores, nodes) => {
        let min = Number.MAX_SAFE_INTEGER;
        let max = 0;
        for (let i = 0; i < scores.length; i++) {
          if (state.ignored[nodes[i]]) continue;
          min = Math.min(min, scores[i]);
          max = Math.max(max, scores[i]);
        }
        for (let i = 0; i < scores.length; i++) {
          if (state.ignored[nodes[i]]) scores[i] = 0;
          else scores[i] = max === 0 ? maxNodeScore : divide(maxNodeScore * (max + min - scores[i]), max);
        }
      },
      events: [
        { resource: 'Pod', action: Action.Add | Action.Delete | Action.UpdatePodLabel | Action.UpdatePodToleration, hint: (pod, old?: Pod, now?: Pod) => afterPod(source.of(pod.pod, 'DoNotSchedule'), pod, old, now) },
        { resource: 'Node', action: Action.Add | Action.Delete | Action.UpdateNodeLabel | Action.UpdateNodeTaint, hint: (pod, old?: Node, now?: Node) => afterNode(source.of(pod.pod, 'DoNotSchedule'), old, now) },
      ],
    });
  },
};

function hasAllCodes(columns: readonly LabelColumn[], node: number): boolean {
  for (let i = 0; i < columns.length; i++) if (columns[i].codes[node] < 0) return false;
  return true;
}

/** The pod itself, or one that has a node (or is about to) in its namespace. */
function involved(changed: Pod, pod: PodInfo): boolean {
  if (changed.metadata.uid === pod.uid) return true;
  return Boolean(changed.spec?.nodeName || changed.status?.nominatedNodeName) && changed.metadata.namespace === pod.namespace;
}

function afterPod(constraints: readonly Constraint[], pod: PodInfo, old: Pod | undefined, now: Pod | undefined): boolean {
  if ((now && !involved(now, pod)) || (old && !involved(old, pod))) return false;
  const selected = (p: Pod) => constraints.some((c) => c.selector.matches(p.metadata.labels));
  if (now && old) {
    if (pod.uid === now.metadata.uid && !sameValue(now.spec?.tolerations, old.spec?.tolerations) && constraints.some((c) => c.honorTaints)) return true;
    if (sameValue(now.metadata.labels, old.metadata.labels)) return false;
    return constraints.some((c) => c.selector.matches(old.metadata.labels) !== c.selector.matches(now.metadata.labels));
  }
  return selected((now ?? old)!);
}

function afterNode(constraints: readonly Constraint[], old: Node | undefined, now: Node | undefined): boolean {
  const was = old !== undefined && hasAllKeys(constraints, old.metadata.labels);
  const is = now !== undefined && hasAllKeys(constraints, now.metadata.labels);
  if (!old || !now) return was || is;
  if (was !== is) return true;
  return is && (constraints.some((c) => old.metadata.labels?.[c.topologyKey] !== now.metadata.labels?.[c.topologyKey]) || !sameValue(old.spec?.taints, now.spec?.taints));
}
