import { maxNodeScore, plugin, type PluginFactory } from '../../contract.ts';
import { skip } from '../../verdict.ts';
import { type DevicesOnNode, devicesFor } from './device-totals.ts';
import { balanceRequests, nodeAmounts, type ResourceSpec } from './scoring.ts';

export interface NodeResourcesBalancedAllocationArgs {
  resources: ResourceSpec[];
}

/** 100 where all resources are used to the same share, less the more their shares differ. */
function balance(used: readonly number[], requests: readonly number[] | undefined, allocatable: readonly number[]): number {
  let count = 0;
  let total = 0;
  let first = 0;
  let second = 0;
  const share = (i: number) => Math.min((used[i] + (requests ? requests[i] : 0)) / allocatable[i], 1);
  for (let i = 0; i < allocatable.length; i++) {
    if (allocatable[i] === 0) continue;
    const s = share(i);
    if (count === 0) first = s;
    else second = s;
    total += s;
    count++;
  }
  let deviation = 0;
  if (count === 2) deviation = Math.abs((first - second) / 2);
  else if (count > 2) {
    const mean = total / count;
    let sum = 0;
    for (let i = 0; i < allocatable.length; i++) if (allocatable[i] !== 0) sum += (share(i) - mean) * (share(i) - mean);
    deviation = Math.sqrt(sum / count);
  }
  return Math.trunc((1 - deviation) * maxNodeScore);
}

/** Prefers nodes whose resources the pod would leave more evenly used than they are. */
export const nodeResourcesBalancedAllocation: PluginFactory<NodeResourcesBalancedAllocationArgs> = {
  name: 'NodeResourcesBalancedAllocation',
  create: (args, handle) => {
    const allocatable: number[] = [];
    const allocated: number[] = [];
    return plugin<undefined, { requests: number[]; devices: DevicesOnNode | undefined }>({
      name: 'NodeResourcesBalancedAllocation',
      preScore: (info) => {
        const requests = balanceRequests(info, args.resources);
        return requests.some((r) => r !== 0) ? { state: { requests, devices: devicesFor(args.resources, handle) } } : skip;
      },
      scoreScope: 'node',
      score: ({ requests, devices }, _info, node) => {
        nodeAmounts(handle.snapshot, args.resources, requests, node, true, devices, allocatable, allocated);
        const withPod = balance(allocated, requests, allocatable);
        const without = balance(allocated, undefined, allocatable);
        return maxNodeScore / 2 + Math.trunc((maxNodeScore / 2 + withPod - without) / 2);
      },
    });
  },
};
