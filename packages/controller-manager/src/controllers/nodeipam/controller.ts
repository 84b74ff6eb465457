import { UserError } from '@pilothouse/base';
import type { Node } from '@pilothouse/api-schemas/types/core/v1';
import { nodes, parseCidr } from '@pilothouse/apimachinery';
import { type ControllerContext, defineController, done, itself } from '@pilothouse/controller-runtime';
import { type CidrSet, createCidrSet } from './cidr-set.ts';

interface State {
  sets: CidrSet[];
  /** Node → its ranges, as far as they are marked taken. */
  held: Map<string, string[]>;
}

const rangesOf = (node: Node): string[] => node.spec?.podCIDRs ?? (node.spec?.podCIDR ? [node.spec.podCIDR] : []);

/** Gives every node a range of pod addresses out of `cluster-cidr` (with `allocate-node-cidrs`). */
export const nodeIpamController = defineController<State | undefined>({
  name: 'node-ipam-controller',
  aliases: ['nodeipam'],
  serviceAccount: 'node-controller',
  eventSource: 'cidrAllocator',
  workers: 1,
  watches: [itself(nodes)],
  start(context) {
    const { flags, lister } = context;
    if (flags['allocate-node-cidrs'] !== true && flags['allocate-node-cidrs'] !== 'true') return undefined;
    const given = textFlag(context, 'cluster-cidr').split(',').filter(Boolean);
    if (!given.length) throw new UserError('allocate-node-cidrs needs cluster-cidr');
    const sets = given.map((cidr) => {
      const family = parseCidr(cidr)?.family;
      const size = family === 6 ? (flags['node-cidr-mask-size-ipv6'] ?? (given.length === 1 ? flags['node-cidr-mask-size'] : undefined) ?? 64) : (flags['node-cidr-mask-size-ipv4'] ?? flags['node-cidr-mask-size'] ?? 24);
      return createCidrSet(cidr, Number(size));
    });
    for (const service of textFlag(context, 'service-cluster-ip-range').split(',').filter(Boolean)) for (const set of sets) set.occupy(service);
    const state: State = { sets, held: new Map() };
    // What nodes have is taken before anything is given, or a restart would hand it out twice.
    for (const node of lister(nodes).list()) hold(state, node);
    return state;
  },
  async reconcile(name, { client, lister, recorder, signal }, state) {
    if (!state) return done;
    const node = lister(nodes).get(name);
    if (!node) {
      for (const range of state.held.get(name) ?? []) for (const set of state.sets) set.release(range);
      state.held.delete(name);
      return done;
    }
    if (rangesOf(node).length) {
      hold(state, node);
      return done;
    }
    let ranges = state.held.get(name);
    if (!ranges) {
      const allocated = state.sets.map((set) => set.allocate());
      if (allocated.some((range) => range === undefined)) {
        allocated.forEach((range, i) => range && state.sets[i].release(range));
        recorder.event({ apiVersion: 'v1', kind: 'Node', name, uid: node.metadata.uid }, 'Normal', 'CIDRNotAvailable', `Node ${name} status is now: CIDRNotAvailable`);
        throw new Error(`no range of pod addresses is left for node ${name}`);
      }
      ranges = allocated as string[];
      state.held.set(name, ranges);
    }
    await client.patch(nodes, name, { spec: { podCIDR: ranges[0], podCIDRs: ranges } }, { type: 'strategic', signal });
    return done;
  },
});

/** A flag's text; lists are joined by commas. */
function textFlag({ flags }: ControllerContext, name: string): string {
  const value = flags[name];
  return Array.isArray(value) ? value.join(',') : typeof value === 'string' ? value : '';
}

function hold(state: State, node: Node): void {
  const ranges = rangesOf(node);
  const name = node.metadata.name!;
  if (!ranges.length || state.held.get(name)?.join() === ranges.join()) return;
  for (const range of state.held.get(name) ?? []) for (const set of state.sets) set.release(range);
  for (const range of ranges) for (const set of state.sets) set.occupy(range);
  state.held.set(name, ranges);
}
