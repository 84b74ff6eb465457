import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@pilothouse/base';
import { Algorithm, createProfile, featuresWith, type KubeSchedulerConfiguration, loadConfiguration, PodInfo } from '@pilothouse/scheduler-framework';
import { nodeName } from '@pilothouse/scheduler-framework/plugins/node-name/node-name';
import { node, pluginBench, pod } from '@pilothouse/scheduler-framework/testing/bench';
import { afterAll, describe, expect, test } from 'vitest';
import { readSchedulerConfig, schedulerSetup } from './scheduler-setup.ts';

const dir = mkdtempSync(join(tmpdir(), 'pilothouse-plugin-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
let files = 0;
const file = (text: string, ending = 'mjs'): string => {
  const path = join(dir, `${files++}.${ending}`);
  writeFileSync(path, text);
  return path;
};
const setup = (plugin: string[], config: KubeSchedulerConfiguration = {}, featureGates: string[] = []) => schedulerSetup(config, { plugin, featureGates }, silentLogger);
const example = join(import.meta.dirname, '../../../../examples/scheduler-plugins/rack-limit.mjs');

/** What one attempt comes to with the plugins of these files. */
async function attempt(plugin: string[], placed: Record<string, ReturnType<typeof pod>[]> = {}, config: KubeSchedulerConfiguration = {}) {
  const made = await setup(plugin, config);
  const racks = ['a', 'a', 'b'];
  const { snapshot, handle } = pluginBench(nodeName, { nodes: racks.map((rack, i) => node(`n${i}`, { labels: { 'example.com/rack': rack } })), placed });
  const profile = createProfile(loadConfiguration(made.config).profiles[0], made.plugins, handle);
  const decision = new Algorithm({ profile, snapshot, nominator: handle.nominator, random: handle.random, firstByName: true }).schedule(new PodInfo(pod('p', { labels: { app: 'web' } })));
  return decision.kind === 'node' ? decision.node : decision.kind === 'unfit' ? decision.found.diagnosis.message(snapshot.size) : `error: ${decision.message}`;
}
const web = (name: string) => pod(name, { labels: { app: 'web' } });

describe('a plugin in a file', () => {
  test('takes part: the example keeps an app from crowding a rack', async () => {
    expect(await attempt([example])).toBe('n0');
    expect(await attempt([example], { n0: [web('1')] })).toBe('n2');
    expect(await attempt([example], { n0: [web('1'), web('2')], n2: [web('3')] })).toBe('n2');
    expect(await attempt([example], { n0: [web('1'), web('2')], n2: [web('3'), web('4')] })).toBe('0/3 nodes are available: 3 node(s) in racks with 2 pods of the app.');
  });

  test('has its arguments, and takes part only where a configuration that mentions it says so', async () => {
    const full = { n0: [web('1')], n2: [web('2')] };
    expect(await attempt([example], full, { profiles: [{ pluginConfig: [{ name: 'RackLimit', args: { mostPerRack: 1 } }] }] })).toContain('3 node(s) in racks with 1 pods of the app');
    expect(await attempt([example], full, { profiles: [{ plugins: { filter: { disabled: [{ name: 'RackLimit' }] } }, pluginConfig: [{ name: 'RackLimit', args: { mostPerRack: 1 } }] }] })).toBe('n1');
  });

  test.each([
    ['throw new Error("no luck")', 'cannot be loaded: no luck'],
    ['export const x = 1', 'has no default export; needed: export default { name, create(args, handle) }'],
    ['export default { create() {} }', 'its default export has no name'],
    ['export default { name: "X" }', 'the plugin "X" has no function create(args, handle)'],
    ['export default { name: "NodeName", create() {} }', 'there is a plugin named "NodeName" already'],
  ])('is refused: %s', async (text, why) => {
    const path = file(text);
    await expect(setup([path])).rejects.toThrow(`--plugin ${path}: ${why}`);
  });

  test('may not come twice', async () => {
    await expect(setup([example, example])).rejects.toThrow('there is a plugin named "RackLimit" already');
  });

  test.each([
    ['export default { name: "X", create() { throw new Error("no luck") } }', 'initializing plugin "X": no luck'],
    ['export default { name: "X", create() {} }', 'initializing plugin "X": create() must return the plugin, an object'],
    ['export default { name: "X", create: () => ({ events: [{ resource: "Node", action: ["Came"] }] }) }', 'initializing plugin "X": events: there is no action "Came"'],
  ])('cannot be made: %s', async (text, why) => {
    await expect(attempt([file(text)])).rejects.toThrow(why);
  });

  test.each([
    ['filter() { throw new Error("boom") }', 'error: running "X" filter plugin: boom'],
    ['preFilter() { throw new Error("boom") }', 'error: running PreFilter plugin "X": boom'],
    ['score() { throw new Error("boom") }', 'error: running Score plugins: plugin "X" failed with: boom'],
    ['score: () => 500', 'error: applying score defaultWeights on Score plugins: plugin "X" returns an invalid score 500, it should in the range of [0, 100] after normalizing'],
    ['score: () => NaN', 'error: applying score defaultWeights on Score plugins: plugin "X" returns an invalid score NaN, it should in the range of [0, 100] after normalizing'],
  ])('fails the pod alone: %s', async (member, message) => {
    expect(await attempt([file(`export default { name: "X", create: () => ({ ${member} }) }`)])).toBe(message);
  });
});

describe('the scheduler\'s flags', () => {
  test.each([
    [['Nope=true'], '--feature-gates: unrecognized feature gate: Nope'],
    [['DynamicResourceAllocation'], '--feature-gates: missing bool value for DynamicResourceAllocation'],
    [['DynamicResourceAllocation=maybe'], '--feature-gates: invalid value of DynamicResourceAllocation=maybe, err: strconv.ParseBool: parsing "maybe": invalid syntax'],
  ])('name a gate that cannot be: %s', async (gates, message) => {
    await expect(setup([], {}, gates)).rejects.toThrow(message);
  });

  test('turn a gate', async () => {
    const { featureGates } = await setup([], {}, ['DynamicResourceAllocation=false']);
    expect(featuresWith(featureGates).DynamicResourceAllocation).toBe(false);
  });

  test.each([
    ['kind: KubeSchedulerConfiguration', "Object 'apiVersion' is missing in '{\"kind\":\"KubeSchedulerConfiguration\"}'"],
    ['[]', 'a KubeSchedulerConfiguration is needed'],
    ['a: 1\na: 2', 'already set'],
    ['a: [', '--config'],
  ])('name a configuration that cannot be read: %s', (text, why) => {
    expect(() => readSchedulerConfig(file(text, 'yaml'))).toThrow(why);
  });
});
