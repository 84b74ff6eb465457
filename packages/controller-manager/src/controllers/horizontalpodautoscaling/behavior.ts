/** How fast a count may change, and which recent recommendations hold it. Pure over the given history. */
import type { HPAScalingRules, HorizontalPodAutoscalerBehavior } from '@pilothouse/api-schemas/types/autoscaling/v2';

export interface Timed {
  /** Replicas recommended, or by how many the target grew or shrank. */
  replicas: number;
  atMs: number;
}
/** What is remembered of one autoscaler while the controller runs. */
export interface History {
  recommendations: Timed[];
  ups: Timed[];
  downs: Timed[];
}
export interface Verdict {
  replicas: number;
  /** Conditions AbleToScale and ScalingLimited. */
  stabilized: { reason: string; message: string };
  limited: { status: 'True' | 'False'; reason: string; message: string };
}
export interface Bounds {
  current: number;
  desired: number;
  min: number;
  max: number;
  nowMs: number;
}

const ready = { reason: 'ReadyForNewScale', message: 'recommended size matches current size' };
const heldDown = { reason: 'ScaleDownStabilized', message: 'recent recommendations were higher than current one, applying the highest recent recommendation' };
const heldUp = { reason: 'ScaleUpStabilized', message: 'recent recommendations were lower than current one, applying the lowest recent recommendation' };
const withinRange = { reason: 'DesiredWithinRange', message: 'the desired count is within the acceptable range' };
const tooMany = { reason: 'TooManyReplicas', message: 'the desired replica count is more than the maximum replica count' };
const tooFew = { reason: 'TooFewReplicas', message: 'the desired replica count is less than the minimum replica count' };
const tooFastUp = { reason: 'ScaleUpLimit', message: 'the desired replica count is increasing faster than the maximum scale rate' };
const tooFastDown = { reason: 'ScaleDownLimit', message: 'the desired replica count is decreasing faster than the maximum scale rate' };

/** Keeps what is young enough to matter, and adds. */
const remember = (list: readonly Timed[], sinceMs: number, entry: Timed): Timed[] => [...list.filter((old) => old.atMs >= sinceMs), entry];

const verdict = (stabilized: number, desired: number, bounded: number, held: Verdict['stabilized'], why: { reason: string; message: string }): Verdict => ({
  replicas: bounded,
  stabilized: stabilized === desired ? ready : held,
  limited: { status: bounded === stabilized ? 'False' : 'True', ...why },
});

/** Without rules of its own: at most doubled (or 4), and shrunk only to the highest recommendation of the window. Adds to the history. */
export function normalize(history: History, { current, desired, min, max, nowMs }: Bounds, windowMs: number): Verdict {
  const since = nowMs - windowMs;
  const stabilized = history.recommendations.reduce((most, old) => (old.atMs >= since ? Math.max(most, old.replicas) : most), desired);
  history.recommendations = remember(history.recommendations, since, { replicas: desired, atMs: nowMs });
  const fastest = Math.max(2 * current, 4);
  const most = Math.min(max, fastest);
  if (stabilized < min) return verdict(stabilized, desired, min, heldDown, tooFew);
  if (stabilized > most) return verdict(stabilized, desired, most, heldDown, max > fastest ? tooFastUp : tooMany);
  return verdict(stabilized, desired, stabilized, heldDown, withinRange);
}

/** With rules: windows for both directions, and rates by policies. Adds to the history. */
export function normalizeWithBehavior(history: History, behavior: HorizontalPodAutoscalerBehavior, { current, desired, min, max, nowMs }: Bounds, downWindowMs: number): Verdict {
  const { scaleUp = {}, scaleDown = {} } = behavior;
  const upSince = nowMs - (scaleUp.stabilizationWindowSeconds ?? 0) * 1000;
  const downSince = nowMs - (scaleDown.stabilizationWindowSeconds === undefined ? downWindowMs : scaleDown.stabilizationWindowSeconds * 1000);
  let lowest = desired;
  let highest = desired;
  for (const { replicas, atMs } of history.recommendations) {
    if (atMs > upSince) lowest = Math.min(lowest, replicas);
    if (atMs > downSince) highest = Math.max(highest, replicas);
  }
  const stabilized = Math.min(Math.max(current, lowest), highest);
  history.recommendations = remember(history.recommendations, Math.min(upSince, downSince), { replicas: desired, atMs: nowMs });
  const held = desired >= current ? heldUp : heldDown;
  if (stabilized > current) {
    const rate = Math.max(current, rateLimit(current, history, scaleUp, nowMs, 1));
    const most = Math.min(max, rate);
    if (stabilized > most) return verdict(stabilized, desired, most, held, max > rate ? tooFastUp : tooMany);
  } else if (stabilized < current) {
    const rate = Math.min(current, rateLimit(current, history, scaleDown, nowMs, -1));
    const least = Math.max(min, rate);
    if (stabilized < least) return verdict(stabilized, desired, least, held, min < rate ? tooFastDown : tooFew);
  }
  return verdict(stabilized, desired, stabilized, held, withinRange);
}

/** The furthest count that the policies of one direction (1: up, -1: down) allow now. */
function rateLimit(current: number, { ups, downs }: History, { selectPolicy, policies = [] }: HPAScalingRules, nowMs: number, direction: 1 | -1): number {
  if (selectPolicy === 'Disabled') return current;
  const proposals = policies.map(({ type, value, periodSeconds }) => {
    const since = nowMs - periodSeconds * 1000;
    const changed = (list: readonly Timed[]) => list.reduce((sum, event) => (event.atMs > since ? sum + event.replicas : sum), 0);
    const atStart = current - changed(ups) + changed(downs);
    if (type === 'Pods') return atStart + direction * value;
    const scaled = atStart * (1 + (direction * value) / 100);
    return direction > 0 ? Math.ceil(scaled) : Math.trunc(scaled);
  });
  // The policy of most change is the default: upwards the highest count, downwards the lowest.
  return (selectPolicy === 'Min') === (direction > 0) ? Math.min(...proposals) : Math.max(...proposals);
}

/** Remembers a change made, as long as some policy of its direction looks back. */
export function noteScaling(history: History, behavior: HorizontalPodAutoscalerBehavior | undefined, change: { from: number; to: number; nowMs: number }): void {
  if (!behavior) return;
  const up = change.to > change.from;
  const longest = Math.max(0, ...((up ? behavior.scaleUp : behavior.scaleDown)?.policies ?? []).map(({ periodSeconds }) => periodSeconds));
  const entry = { replicas: Math.abs(change.to - change.from), atMs: change.nowMs };
  const since = change.nowMs - longest * 1000;
  if (up) history.ups = remember(history.ups, since, entry);
  else history.downs = remember(history.downs, since, entry);
}
