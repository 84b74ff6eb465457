/**
 * Puts the pods of recorded cases, three times each and placed in between, to one algorithm that shares work between equal pods and
 * to a new one that asks every plugin: nodes that fit, verdicts and scores must be the same.
 *
 *   node test/src/golden/scheduler-shared-work.ts [FOLDER or FILE…]
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import { seededRandom } from '@pilothouse/base/random';
import { Algorithm, type ClusterSnapshot, type Feasible, PodInfo, type Profile, type Recorder } from '@pilothouse/scheduler-framework';
import { buildCluster } from '@pilothouse/scheduler-framework/case/cluster';
import type { SchedulerCase } from '@pilothouse/scheduler-framework/case/types';

const everyCall: Recorder = { everyCall: true };

/** What an attempt finds, as text. */
function findings(algorithm: Algorithm, info: PodInfo, snapshot: ClusterSnapshot, recorder?: Recorder): { found: Feasible; text: string } {
  const found = algorithm.findFeasible(info, recorder);
  const names = Array.from(found.nodes, (n) => snapshot.names[n]);
  if (!names.length) return { found, text: JSON.stringify([...found.diagnosis.verdicts].map(([node, { plugin, verdict }]) => [node, plugin, verdict.code, verdict.reasons]).sort()) };
  if (names.length === 1) return { found, text: names[0] };
  const totals = algorithm.score(info, found, recorder);
  return { found, text: names.map((name, i) => `${name} ${totals[i]}`).sort().join() };
}

const named = (pod: Pod, round: number): Pod => (round ? { ...pod, metadata: { ...pod.metadata, name: `${pod.metadata.name}-${round}`, uid: `${pod.metadata.uid}-${round}` } } : pod);

function compareCase(source: SchedulerCase): { compared: number; differ: string[] } {
  const { snapshot, nominator, profiles } = buildCluster(source);
  const make = (profile: Profile) => new Algorithm({ profile, snapshot, nominator, random: seededRandom(1), percentageOfNodesToScore: 100 });
  const kept = new Map([...profiles].map(([name, profile]) => [name, make(profile)]));
  const differ: string[] = [];
  let compared = 0;
  for (let round = 0; round < 3; round++) {
    for (const original of source.pods) {
      const pod = named(original, round);
      const profile = profiles.get(pod.spec!.schedulerName ?? '');
      const info = new PodInfo(pod);
      if (!profile || profile.points.preEnqueue.some((p) => p.preEnqueue!(info))) continue;
      const shared = findings(kept.get(profile.schedulerName)!, info, snapshot);
      const fresh = findings(make(profile), new PodInfo(pod), snapshot, everyCall);
      compared++;
      if (shared.text !== fresh.text) differ.push(`${source.name} ${info.key}: shared ${shared.text.slice(0, 300)}, fresh ${fresh.text.slice(0, 300)}`);
      const { nodes } = fresh.found;
      if (!nodes.length) continue;
      const node = snapshot.names[nodes[round % nodes.length]];
      snapshot.addPod(new PodInfo({ ...pod, spec: { ...pod.spec!, nodeName: node } }), node);
    }
  }
  return { compared, differ };
}

const roots = process.argv.length > 2 ? process.argv.slice(2) : [join(import.meta.dirname, '../../../../shared/golden/scheduler')];
const files = roots.flatMap((root) => (statSync(root).isDirectory() ? readdirSync(root).filter((f) => f.endsWith('.jsonl')).sort().map((f) => join(root, f)) : [root]));
let compared = 0;
const differ: string[] = [];
for (const file of files) {
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (!line.trim()) continue;
    const source: SchedulerCase = JSON.parse(line);
    if (source.mode === 'hints') continue;
    const result = compareCase(source);
    compared += result.compared;
    differ.push(...result.differ);
  }
}
for (const text of differ.slice(0, 5)) console.log(`✗ ${text}`);
console.log(`shared work ${compared - differ.length}/${compared}`);
process.exitCode = differ.length ? 1 : 0;
