import { toLabelSelector } from '@pilothouse/apimachinery/label-selector';
import { messageOf } from '@pilothouse/base/errors';
import type { CycleCommand, CycleStep, Edit, HeldCycle, Point, SchedulingBreakpoint } from '@pilothouse/scheduler-lab/api/types';
import { signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { type Lab, now, runtime } from '../data/lab.ts';
import { heldCycles, schedulingBreakpoints } from '../data/resources.ts';
import { loadHeldCycle } from '../data/traces.ts';
import { ageText } from '../model/amounts.ts';
import { namespaceFilter, short } from '../state.ts';
import { EditList } from './edit-form.tsx';
import { ExplanationView } from './explanation-view.tsx';
import { Mark } from './mark.tsx';

const problem = signal('');
const points: Point[] = ['PreFilter', 'Filter', 'PostFilter', 'PreScore', 'Score', 'NormalizeScore', 'Reserve', 'Permit', 'PreBind', 'Bind'];

async function tried(work: () => Promise<unknown>): Promise<void> {
  problem.value = '';
  await work().catch((error) => {
    problem.value = messageOf(error);
  });
}

/** Breakpoints, and the cycles they hold: step, change the copy, resume, abort. */
export function HeldPanel({ lab }: { lab: Lab }) {
  if (!lab.scheduler) return <p class="quiet pad">Cycles can be held in Pilothouse's scheduler only.</p>;
  const cycles = lab.scheduler.held.items.value;
  return (
    <div class="held-panel">
      {problem.value && <p class="problem" role="alert">{problem.value}</p>}
      {cycles.map((cycle) => <HeldView key={cycle.metadata.uid ?? cycle.pod.uid} lab={lab} cycle={cycle} />)}
      <Breakpoints lab={lab} />
    </div>
  );
}

const stepText = (step: CycleStep): string => `${step.point} ${step.plugin}${step.node ? ` on ${step.node}` : ''}`;

function HeldView({ lab, cycle }: { lab: Lab; cycle: HeldCycle }) {
  const detailed = useSignal(cycle);
  const version = cycle.metadata.resourceVersion;
  useEffect(() => {
    const stop = new AbortController();
    loadHeldCycle(lab, `${cycle.metadata.namespace}/${cycle.metadata.name}`, { maxNodes: 200, signal: stop.signal }).then(
      (found) => (detailed.value = found),
      () => undefined,
    );
    return () => stop.abort();
  }, [version]);
  const command = (spec: CycleCommand['spec']) =>
    void tried(() => lab.client.createSubresource(heldCycles, cycle.metadata.name!, 'command', { apiVersion: 'lab.pilothouse.dev/v1', kind: 'CycleCommand', metadata: { name: cycle.metadata.name, namespace: cycle.metadata.namespace }, spec }, { namespace: cycle.metadata.namespace }));
  const step = (to: NonNullable<CycleCommand['spec']['to']>, title: string) => <button type="button" onClick={() => command({ action: 'Step', to })}>{title}</button>;
  return (
    <section class="cycle" aria-label={`Held: ${cycle.pod.name}`}>
      <h2 class="pod-title"><span class="namespace-name">{cycle.pod.namespace}/</span>{cycle.pod.name} <span class="result gated">Held</span></h2>
      <p class="winner">{cycle.at ? <>Next: <b>{short(stepText(cycle.at))}</b></> : 'At its end: resume to let it be bound.'}</p>
      <p class="quiet">
        {cycle.stepCount} calls made, {cycle.stepsLeft} left · other pods {cycle.queue === 'Wait' ? 'wait' : 'go on'} · goes on by itself in {ageText(Date.parse(cycle.releaseTime) - now.value)}
      </p>
      {/* biome-ignore lint/a11y/useSemanticElements: a toolbar has no element */}
      <div class="buttons" role="group" aria-label="Step">
        {step('Plugin', 'Step')}
        {step('Node', 'Next node')}
        {step('ExtensionPoint', 'Next point')}
        {step('End', 'To the end')}
        {step('Pod', 'Next pod')}
        <span class="spring" />
        <button type="button" class="primary" onClick={() => command({ action: 'Resume' })}>Resume</button>
        <button type="button" onClick={() => command({ action: 'Abort' })}>Abort</button>
      </div>
      <ol class="steps" aria-label="Calls made" reversed>
        {cycle.steps.slice(-8).reverse().map((s, index) => (
          <li key={`${cycle.stepCount - index}`}>{s.code ? <Mark code={s.code} /> : null} {short(stepText(s))} {s.score !== undefined && <b>{s.score}</b>} <span class="quiet">{s.reasons?.join('; ')}</span></li>
        ))}
      </ol>
      <details>
        <summary>Change its copy of the cluster {cycle.edits?.length ? <span class="count">{cycle.edits.length}</span> : null}</summary>
        <EditList lab={lab} edits={cycle.edits ?? []} onChange={(edits: readonly Edit[]) => command({ action: 'Edit', edits: [...edits] })} />
      </details>
      <details open>
        <summary>What it comes to as things stand</summary>
        <p class="winner">{short(cycle.explanation.summary)}</p>
        <ExplanationView explanation={detailed.value.explanation} identity={`held ${cycle.pod.uid}`} />
      </details>
    </section>
  );
}

function Breakpoints({ lab }: { lab: Lab }) {
  const selector = useSignal('');
  const point = useSignal('');
  const plugin = useSignal('');
  const node = useSignal('');
  const wait = useSignal(false);
  const list = lab.scheduler!.breakpoints.items.value.filter((b) => !namespaceFilter.value || b.metadata.namespace === namespaceFilter.value);
  const create = (event: Event) => {
    event.preventDefault();
    void tried(async () => {
      const breakpoint: SchedulingBreakpoint = {
        apiVersion: 'lab.pilothouse.dev/v1',
        kind: 'SchedulingBreakpoint',
        metadata: { name: `page-${runtime.random.suffix(5)}`, namespace: namespaceFilter.value || 'default' },
        spec: {
          ...(selector.value.trim() && { selector: toLabelSelector(selector.value.trim()) }),
          ...(point.value && { points: [point.value as Point] }),
          ...(plugin.value.trim() && { plugins: [plugin.value.trim()] }),
          ...(node.value.trim() && { nodes: [node.value.trim()] }),
          queue: wait.value ? 'Wait' : 'Flow',
        },
      };
      await lab.client.create(schedulingBreakpoints, breakpoint);
    });
  };
  return (
    <section class="breakpoints" aria-label="Breakpoints">
      <h2>Breakpoints <span class="count">{list.length}</span></h2>
      <ul>
        {list.map((b) => (
          <li key={b.metadata.uid}>
            <span>{breakpointText(b)} <span class="quiet">held {b.status?.hits ?? 0} so far</span></span>
            <button type="button" onClick={() => void tried(() => lab.client.delete(schedulingBreakpoints, b.metadata.name!, { namespace: b.metadata.namespace }))}>Remove</button>
          </li>
        ))}
      </ul>
      <form class="breakpoint-form" onSubmit={create}>
        <p>Hold pods of <b>{namespaceFilter.value || 'default'}</b></p>
        <label>with labels <input placeholder="app=web; all" value={selector.value} onInput={(event) => (selector.value = event.currentTarget.value)} /></label>
        <label>
          at
          <select value={point.value} onChange={(event) => (point.value = event.currentTarget.value)}>
            <option value="">the first plugin</option>
            {points.map((p) => <option key={p} value={p}>{p}</option>)}
          </select>
        </label>
        <label>plugin <input placeholder="any" value={plugin.value} onInput={(event) => (plugin.value = event.currentTarget.value)} /></label>
        <label>node <input placeholder="any" value={node.value} onInput={(event) => (node.value = event.currentTarget.value)} /></label>
        <label class="check"><input type="checkbox" checked={wait.value} onChange={(event) => (wait.value = event.currentTarget.checked)} /> other pods wait meanwhile</label>
        <button type="submit" class="primary">Hold them</button>
      </form>
      <p class="quiet">A held cycle goes on by itself at its time limit, and soon after this page is closed.</p>
    </section>
  );
}

function breakpointText({ metadata, spec }: SchedulingBreakpoint): string {
  const labels = Object.entries(spec.selector?.matchLabels ?? {}).map(([k, v]) => `${k}=${v}`).join(',') || (spec.selector?.matchExpressions?.length ? 'some pods' : 'all pods');
  const at = [spec.points?.join(', '), spec.plugins?.join(', '), spec.nodes?.length ? `on ${spec.nodes.join(', ')}` : ''].filter(Boolean).join(' ');
  return `${metadata.namespace}: ${labels} at ${at || 'the first plugin'}${spec.queue === 'Wait' ? ', others wait' : ''}`;
}
