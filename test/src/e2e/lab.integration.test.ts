import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { program, type TestCluster } from '../golden/cluster.ts';
import { clusterForTest, eventually, kubectlFor, lacking, run } from './tools.ts';

const api = '/apis/lab.pilothouse.dev/v1/namespaces/default';
const pod = (name: string, cpu: string, more: object = {}, labels?: object) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, labels }, spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'c', image: 'app', resources: { requests: { cpu } } }], ...more } });
const breakpoint = (name: string, spec: object) => ({ apiVersion: 'lab.pilothouse.dev/v1', kind: 'SchedulingBreakpoint', metadata: { name }, spec });
const command = (spec: object) => ({ apiVersion: 'lab.pilothouse.dev/v1', kind: 'CycleCommand', spec });

describe.skipIf(lacking({ commands: ['kubectl'] }))("the scheduler's lab, by kubectl", () => {
  let cluster: TestCluster & { dir: string };
  let kubectl: ReturnType<typeof kubectlFor>;
  const create = (object: object, ...args: string[]) => kubectl(['create', ...args, '-f', '-'], { input: JSON.stringify(object) });
  const get = async (what: string): Promise<any> => JSON.parse(await kubectl(`get ${what} -o json`));
  const nodeOf = async (name: string): Promise<string | undefined> => (await get(`pod ${name}`)).spec.nodeName;
  const post = (path: string, object: object) => kubectl(['create', '--raw', `${api}/${path}`, '-f', '-'], { input: JSON.stringify(object) }).then(JSON.parse);
  const lane = (name: string, wanted: string) => eventually(`${name} in lane ${wanted}`, () => get(`queuedpod ${name}`), (one) => one.lane === wanted);

  /** As `kubectl why …` runs the program `kubectl-why` of the PATH. */
  async function plugin(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    return run('kubectl', args, { env: { KUBECONFIG: cluster.kubeconfig, PATH: `${join(cluster.dir, 'bin')}:${process.env.PATH}`, LANG: 'C' } });
  }

  beforeAll(async () => {
    cluster = await clusterForTest({ store: 'lmdb', flags: ['--hollow-nodes', '3'] });
    kubectl = kubectlFor(cluster.kubeconfig);
    const bin = join(cluster.dir, 'bin');
    mkdirSync(bin);
    for (const name of ['why', 'whatif']) {
      writeFileSync(join(bin, `kubectl-${name}`), `#!/bin/sh\nexec ${process.execPath} ${program} ${name} "$@"\n`);
      chmodSync(join(bin, `kubectl-${name}`), 0o755);
    }
    await eventually('the API of the lab', () => kubectl('get schedulingtraces -A -o name'), () => true);
    await eventually('three nodes', () => kubectl('get nodes --no-headers'), (text) => (text.match(/ Ready /g) ?? []).length === 3);
    await kubectl('taint node hollow-node-1 dedicated=db:NoSchedule');
    for (const node of ['0', '2']) {
      await create(pod(`filler-${node}`, '3', { nodeSelector: { 'kubernetes.io/hostname': `hollow-node-${node}` } }));
      await eventually(`filler-${node} on its node`, () => nodeOf(`filler-${node}`), (name) => name === `hollow-node-${node}`);
    }
  }, 90_000);

  test('why a pod waits, node by node, and which single change would place it; made, it does', async () => {
    await create(pod('db', '2'));
    await lane('db', 'Unschedulable');
    const { code, stdout } = await plugin('why', 'db');
    expect(code).toBe(0);
    expect(stdout).toContain(`default/db fits none of 3 nodes: hollow-node-0 and hollow-node-2: Insufficient
cpu (NodeResourcesFit); hollow-node-1: node(s) had untolerated taint(s)
(TaintToleration).`);
    expect(stdout).toMatch(/^hollow-node-0 {2}\+ \+ \+ x {2}Insufficient cpu$/m);
    expect(stdout).toMatch(/^hollow-node-1 {2}\+ \+ x \+ {2}node\(s\) had untolerated taint\(s\)$/m);
    expect(stdout).toContain('remove the taint dedicated=db:NoSchedule from hollow-node-1');
    expect(stdout).toContain('free 1000m cpu: evict default/filler-0 from hollow-node-0');
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);

    const whatIf = await plugin('whatif', 'db', '--node-taint', 'hollow-node-1=dedicated-', '-o', 'json');
    expect(JSON.parse(whatIf.stdout).status.explanation).toMatchObject({ result: 'Scheduled', node: 'hollow-node-1' });
    expect(await nodeOf('db')).toBeUndefined();

    const { suggestions } = JSON.parse((await plugin('why', 'db', '-o', 'json')).stdout).review.status;
    const change = suggestions.find((s: { kind: string }) => s.kind === 'RemoveTaint').command as string;
    expect(change).toBe('kubectl taint nodes hollow-node-1 dedicated:NoSchedule-');
    await kubectl(change.split(' ').slice(1));
    await eventually('the pod on the node', () => nodeOf('db'), (name) => name === 'hollow-node-1');
    expect((await plugin('why', 'db')).stdout).toContain('default/db goes to hollow-node-1, the only one of 3 nodes that fits');
  });

  test('traces and the queue are read as any object: get, describe, explain, watch, selectors', async () => {
    expect(await kubectl('get schedulingtraces')).toMatch(/^NAME +ATTEMPT +RESULT +NODE +REASON +AGE\n/);
    expect(await kubectl('get strace --field-selector pod=db,result=Unschedulable --no-headers')).toMatch(/^db-1 +1 +Unschedulable +<none> +2 Insufficient cpu, 1 node\(s\) had untolerated taint\(s\)/);
    const latest = await get('strace db');
    expect(latest).toMatchObject({ kind: 'SchedulingTrace', pod: { name: 'db' }, binding: { phase: 'Bound', node: 'hollow-node-1', plugin: 'DefaultBinder' }, explanation: { result: 'Scheduled', details: 'Replayed' } });
    // What brought it back: the node that lost its taint, and the plugin that wanted to know.
    expect(latest.moves.find((m: { object?: unknown }) => m.object)).toMatchObject({ from: 'Unschedulable', event: 'NodeUpdateNodeTaint', object: { kind: 'Node', name: 'hollow-node-1' }, hints: expect.arrayContaining([{ plugin: 'TaintToleration', answer: 'Queue' }]) });
    expect(await kubectl('describe schedulingtrace db-1')).toMatch(/Result: +Unschedulable/);
    expect(await kubectl('explain schedulingreview.spec.edits.taintNode')).toContain('Adds a taint or takes it away.');
    expect(await kubectl('get strace nope').catch(String)).toContain('Error from server (NotFound): schedulingtraces.lab.pilothouse.dev "nope" not found');
    const watching = kubectl(['get', 'queuedpods', '-w', '-o', 'jsonpath={.metadata.name} {.lane}{"\\n"}', '--request-timeout=4s']);
    await create(pod('huge', '100'));
    expect(await watching.catch(String)).toMatch(/huge Active\n[\s\S]*huge InFlight\n[\s\S]*huge Unschedulable/);
    await kubectl('delete pod huge');
    await eventually('the queue without it', () => kubectl('get queuedpods -o name'), (names) => !names.includes('huge'));
  });

  test('reviews are refused in the words of the API where they cannot be answered; rights are asked for', async () => {
    const review = (spec: object) => ({ apiVersion: 'lab.pilothouse.dev/v1', kind: 'SchedulingReview', spec });
    const refused = (spec: object, ...args: string[]) => create(review(spec), ...args).catch(String);
    expect(await refused({ podName: 'db', bogus: 1 })).toContain('strict decoding error: unknown field "spec.bogus"');
    expect(await create(review({ podName: 'db', bogus: 1 }), '--validate=ignore', '-o', 'jsonpath={.status.explanation.result}')).toBe('Scheduled');
    expect(await refused({ podName: 'db', edits: [{ cordonNode: { name: 'nope', unschedulable: true } }] })).toContain('is invalid: spec.edits[0].cordonNode.name: Not found: "nope"');
    expect(await refused({ podName: 7 })).toContain('json: cannot unmarshal number into Go struct field SchedulingReviewSpec.spec.podName of type string');
    expect(await refused({ pod: { spec: { containers: [{ name: 'c' }] } }, configuration: { huge: 'x'.repeat(4 << 20) } })).toMatch(/RequestEntityTooLarge|limit is 3145728/);
    await kubectl('create clusterrolebinding lab-viewer --clusterrole=view --user=viewer');
    await eventually('the right to read', () => kubectl('get schedulingtraces -o name --as=viewer'), (names) => names.includes('db-1'));
    expect(await refused({ podName: 'db' }, '--as=viewer', '--validate=false')).toContain('Error from server (Forbidden): error when creating "STDIN": schedulingreviews.lab.pilothouse.dev is forbidden: User "viewer" cannot create resource "schedulingreviews" in API group "lab.pilothouse.dev" in the namespace "default"');
  });

  test('a cycle is held, stepped, edited and resumed, while other pods flow', async () => {
    const apply = (spec: object) => kubectl('apply -f -', { input: JSON.stringify(breakpoint('b', spec)) });
    await apply({ selector: { matchLabels: { app: 'held' } }, points: ['Score'] });
    expect(await apply({ selector: { matchLabels: { app: 'held' } }, points: ['Filter'], plugins: ['NodeResourcesFit'] })).toBe('schedulingbreakpoint.lab.pilothouse.dev/b configured');
    await create(pod('held', '3', {}, { app: 'held' }));
    await lane('held', 'Held');
    expect(await kubectl('get heldcycles --no-headers')).toMatch(/^held +b +Filter NodeResourcesFit on hollow-node-\d/);
    await create(pod('flows', '100m'));
    await eventually('another pod on a node', () => nodeOf('flows'), Boolean);
    const stepped = await post('heldcycles/held/command', command({ action: 'Step', to: 'Plugin' }));
    expect(stepped.status.cycle.steps.at(-1)).toMatchObject({ point: 'Filter', plugin: 'NodeResourcesFit', code: 'Unschedulable', reasons: ['Insufficient cpu'] });
    const edited = await post('heldcycles/held/command', command({ action: 'Edit', edits: [{ evictPod: { name: 'filler-2' } }] }));
    expect(edited.status.cycle.explanation).toMatchObject({ result: 'Scheduled', node: 'hollow-node-2' });
    expect((await get('pod filler-2')).status.phase).toBe('Running');
    await post('heldcycles/held/command', command({ action: 'Resume' }));
    // The edit was its copy's alone.
    await lane('held', 'Unschedulable');
    expect(await kubectl('get heldcycles -o name')).toBe('');
    await kubectl('delete pod held flows');
  });

  test('a pod deleted while it is held, a node deleted meanwhile, a breakpoint deleted: nothing stays held', async () => {
    await create(pod('gone', '100m', {}, { app: 'held' }));
    await lane('gone', 'Held');
    await kubectl('delete pod gone');
    await eventually('no held cycle', () => kubectl('get heldcycles -o name'), (names) => names === '');

    await create(pod('moves', '100m', { affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, preference: { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['doomed'] }] } }] } } }, { app: 'held' }));
    await lane('moves', 'Held');
    await post('heldcycles/moves/command', command({ action: 'Edit', edits: [{ addNode: { name: 'doomed', like: 'hollow-node-1' } }] }));
    expect((await get('heldcycle moves')).explanation.node).toBe('doomed');
    await kubectl('delete schedulingbreakpoint b');
    // Its copy's node is no node of the cluster: it goes where there is one.
    await eventually('the pod on a node', () => nodeOf('moves'), (name) => /^hollow-node-\d$/.test(name ?? ''));
  });

  test('a scheduler that ends while it holds a pod leaves nothing held', async () => {
    await create(breakpoint('all', { queue: 'Wait' }));
    await create(pod('kept', '100m'));
    await lane('kept', 'Held');
    await create(pod('behind', '100m'));
    await lane('behind', 'Active');
    await cluster.crashAndRestart();
    await eventually('both pods on nodes', async () => [await nodeOf('kept'), await nodeOf('behind')], (names) => names.every(Boolean));
    expect(await eventually('the lab again', () => kubectl('get schedulingbreakpoints -o name'), () => true)).toBe('');
  }, 60_000);
});
