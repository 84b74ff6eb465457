/** A cycle as a list of plugin calls, to be walked through. */
import { codeOf } from '@pilothouse/scheduler-framework';
import type { CycleStep, SchedulingBreakpointSpec } from '../api/types.ts';
import type { CycleRun } from '../explain/cycle-run.ts';

/** Every call in the order it is made; Score and NormalizeScore node by node for each plugin. The last is Reserve, which is made when the cycle is resumed. */
export function stepsOf(run: CycleRun): CycleStep[] {
  const steps: CycleStep[] = [];
  for (const { point, plugin, node, verdict } of run.calls) {
    if (point === 'PostFilter') continue;
    steps.push({ point, plugin, ...(node !== undefined && { node }), code: codeOf(verdict), ...(verdict?.reasons.length && { reasons: [...verdict.reasons] }) });
  }
  const { scores } = run;
  scores?.plugins.forEach(({ name }, p) => {
    for (const n of scores.nodes) steps.push({ point: 'Score', plugin: name, node: n.node, code: 'Success', score: n.raw[p] });
  });
  scores?.plugins.forEach(({ name }, p) => {
    for (const n of scores.nodes) steps.push({ point: 'NormalizeScore', plugin: name, node: n.node, code: 'Success', score: n.normalized[p] });
  });
  for (const { point, plugin, verdict } of run.calls) if (point === 'PostFilter') steps.push({ point, plugin, code: codeOf(verdict), ...(verdict?.reasons.length && { reasons: [...verdict.reasons] }) });
  if (run.node !== undefined) for (const plugin of run.profile.points.reserve) steps.push({ point: 'Reserve', plugin: plugin.name, node: run.world.snapshot.names[run.node] });
  return steps;
}

/** A step that has not been made yet: what will be called, without the answer. */
export const announced = ({ point, plugin, node }: CycleStep): CycleStep => ({ point, plugin, ...(node !== undefined && { node }) });

/** Position after a step to the next plugin, node or extension point. */
export function nextPosition(steps: readonly CycleStep[], position: number, to: 'Plugin' | 'Node' | 'ExtensionPoint' | 'End'): number {
  if (to === 'End') return steps.length;
  const here = steps[position];
  if (!here) return steps.length;
  const same = (step: CycleStep): boolean => {
    if (to === 'ExtensionPoint') return step.point === here.point;
    if (to === 'Node') return step.point === here.point && step.node === here.node && step.node !== undefined;
    return false;
  };
  let next = position + 1;
  while (next < steps.length && same(steps[next])) next++;
  return next;
}

/** Position of the first step that meets the breakpoint's conditions; -1 where the cycle does not get to one. */
export function findStep(steps: readonly CycleStep[], { points, plugins, nodes }: SchedulingBreakpointSpec): number {
  const wanted = (list: readonly string[] | undefined, value: string | undefined) => !list?.length || (value !== undefined && list.includes(value));
  return steps.findIndex((s) => wanted(points, s.point) && wanted(plugins, s.plugin) && wanted(nodes, s.node));
}
