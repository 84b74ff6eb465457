import { describe, expect, test } from 'vitest';
import { aContainer, aPod, aRuntime } from '../testdata/builders.ts';
import { type ActionInputs, computePodActions } from './actions.ts';

const sidecar = aContainer('s', { restartPolicy: 'Always' });
const init = (...names: string[]) => names.map((n) => aContainer(n));

interface Case {
  name: string;
  pod: ReturnType<typeof aPod>;
  runs: string[];
  sandbox?: 'ready' | 'gone' | 'none';
  probes?: Record<string, 'success' | 'failure'>;
  /** What is to happen, in short. */
  want: string;
}

/** `sandbox`, `kill:c`, `init:0`, `start:0`, `ephemeral:0`, `end`, `restart-all` */
function inShort(inputs: ActionInputs): string {
  const a = computePodActions(inputs);
  return [a.createSandbox && 'sandbox', a.killPod && !a.createSandbox && 'end', a.restartAll && 'restart-all', ...a.kill.map((k) => `kill:${k.container.name}`), ...a.startInit.map((i) => `init:${i}`), ...a.startEphemeral.map((i) => `ephemeral:${i}`), ...a.startRegular.map((i) => `start:${i}`)].filter(Boolean).join(' ');
}

const cases: Case[] = [
  { name: 'a new pod gets a sandbox and its containers', pod: aPod(), runs: [], sandbox: 'none', want: 'sandbox start:0' },
  { name: 'a new pod with init containers begins with the first of them', pod: aPod({ initContainers: init('a', 'b') }), runs: [], sandbox: 'none', want: 'sandbox init:0' },
  { name: 'what runs is left alone', pod: aPod(), runs: ['c:running'], want: '' },
  { name: 'Always restarts what succeeded', pod: aPod(), runs: ['c:exited(0)'], want: 'start:0' },
  { name: 'OnFailure restarts what failed', pod: aPod({ restartPolicy: 'OnFailure' }), runs: ['c:exited(1)'], want: 'start:0' },
  { name: 'OnFailure ends the pod that succeeded', pod: aPod({ restartPolicy: 'OnFailure' }), runs: ['c:exited(0)'], want: 'end' },
  { name: 'Never ends the pod whose containers are done', pod: aPod({ restartPolicy: 'Never' }), runs: ['c:exited(1)'], want: 'end' },
  { name: 'Never waits for the others', pod: aPod({ restartPolicy: 'Never', containers: [aContainer('a'), aContainer('b')] }), runs: ['a:exited(1)', 'b:running'], want: '' },
  { name: 'a container that was only created is started anew', pod: aPod(), runs: ['c:created'], want: 'start:0' },
  { name: 'a lost sandbox is replaced, and the pod begins anew', pod: aPod({ initContainers: init('a') }), runs: ['a:exited(0)', 'c:exited(137)'], sandbox: 'gone', want: 'sandbox init:0' },
  { name: 'a lost sandbox of a pod that is done is not replaced', pod: aPod({ restartPolicy: 'OnFailure' }), runs: ['c:exited(0)'], sandbox: 'gone', want: 'end' },
  { name: 'the next init container follows the one that succeeded', pod: aPod({ initContainers: init('a', 'b') }), runs: ['a:exited(0)'], want: 'init:1' },
  { name: 'the containers follow the last init container', pod: aPod({ initContainers: init('a', 'b') }), runs: ['a:exited(0)', 'b:exited(0)'], want: 'start:0' },
  { name: 'a running init container holds the rest back', pod: aPod({ initContainers: init('a') }), runs: ['a:running'], want: '' },
  { name: 'a failed init container is retried', pod: aPod({ initContainers: init('a') }), runs: ['a:exited(2)'], want: 'init:0' },
  { name: 'a failed init container with Never ends the pod', pod: aPod({ restartPolicy: 'Never', initContainers: init('a') }), runs: ['a:exited(2)'], want: 'end' },
  { name: 'finished init containers may be gone from the runtime', pod: aPod({ initContainers: init('a', 'b') }), runs: ['c:running'], want: '' },
  { name: 'a sidecar that runs lets the containers begin', pod: aPod({ initContainers: [sidecar] }), runs: ['s:running'], want: 'start:0' },
  { name: 'a sidecar with a startup probe holds the rest back', pod: aPod({ initContainers: [{ ...sidecar, startupProbe: {} }] }), runs: ['s:running'], want: '' },
  { name: 'a sidecar whose startup probe succeeded lets the rest begin', pod: aPod({ initContainers: [{ ...sidecar, startupProbe: {} }] }), runs: ['s:running'], probes: { 'startup/s-0': 'success' }, want: 'start:0' },
  { name: 'a sidecar that ended is restarted while containers run', pod: aPod({ initContainers: [sidecar] }), runs: ['s:exited(0)', 'c:running'], want: 'init:0' },
  { name: 'sidecars do not keep a pod alive', pod: aPod({ restartPolicy: 'Never', initContainers: [sidecar] }), runs: ['s:exited(0)', 'c:exited(0)'], want: 'end' },
  { name: 'a container found dead is replaced', pod: aPod(), runs: ['c:running'], probes: { 'liveness/c-0': 'failure' }, want: 'kill:c start:0' },
  { name: 'a container found dead is not replaced with Never', pod: aPod({ restartPolicy: 'Never' }), runs: ['c:running'], probes: { 'liveness/c-0': 'failure' }, want: 'kill:c' },
  { name: 'another image replaces the container', pod: aPod({ containers: [aContainer('c', { image: 'other' })] }), runs: ['c:running'], want: 'kill:c start:0' },
  { name: 'ephemeral containers start beside the others and once', pod: aPod({ ephemeralContainers: [aContainer('e') as never, aContainer('f') as never] }), runs: ['c:running', 'e:exited(1)'], want: 'ephemeral:1' },
  { name: 'a rule of the container outweighs the pod\'s policy', pod: aPod({ restartPolicy: 'Never', containers: [aContainer('c', { restartPolicy: 'Never', restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }] } as never)] }), runs: ['c:exited(42)'], want: 'start:0' },
  { name: 'a rule may restart all containers', pod: aPod({ restartPolicy: 'Never', containers: [aContainer('a', { restartPolicyRules: [{ action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [88] } }] } as never), aContainer('b')] }), runs: ['a:exited(88)', 'b:running'], want: 'restart-all' },
];

describe('what a pod worker does next', () => {
  test.each(cases)('$name', ({ pod, runs, sandbox, probes = {}, want }) => {
    expect(inShort({ pod, runtime: aRuntime(runs, sandbox), probe: (kind, id) => probes[`${kind}/${id}`] })).toBe(want);
  });

  test('the message of a kill says whether the container comes back', () => {
    const of = (restartPolicy: string) => computePodActions({ pod: aPod({ restartPolicy }), runtime: aRuntime(['c:running']), probe: () => 'failure' }).kill[0].message;
    expect(of('Always')).toBe('Container c failed liveness probe, will be restarted');
    expect(of('Never')).toBe('Container c failed liveness probe');
  });
});
