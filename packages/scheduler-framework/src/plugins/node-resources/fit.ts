import type { Node, Pod } from '@pilothouse/api-schemas/types/core/v1';
import type { DeviceClass } from '@pilothouse/api-schemas/types/resource/v1';
import { plugin, type PluginFactory, type PluginHandle } from '../../contract.ts';
import { Action } from '../../events/cluster-event.ts';
import { type Amounts, amountsOf, isExtendedResource, isScalarResource } from '../../pod/amounts.ts';
import type { PodInfo } from '../../pod/pod-info.ts';
import { type Demand, demandOf, podRequests } from '../../pod/requests.ts';
import { type Verdict, unresolvable, unschedulable } from '../../verdict.ts';
import { type DevicesOnNode, devicesFor, deviceClassOf } from './device-totals.ts';
import { fitRequests, type Scorer, scorerOf, type ScoringStrategy } from './scoring.ts';

export interface NodeResourcesFitArgs {
  ignoredResources?: string[];
  ignoredResourceGroups?: string[];
  scoringStrategy: ScoringStrategy;
}

interface State {
  readonly demand: Demand;
  /** Scalars that are not ignored, by name. */
  readonly scalars: readonly (readonly [name: string, amount: number, /** A device class stands for it. */ device: boolean])[];
}

const shared = new Map<string, Verdict>();
/** Verdicts by their reasons, so that thousands of nodes share few. */
function lacking(reasons: readonly string[], hopeless: boolean): Verdict {
  const key = `${hopeless}${reasons.join('\n')}`;
  let verdict = shared.get(key);
  if (!verdict) {
    verdict = hopeless ? unresolvable(...reasons) : unschedulable(...reasons);
    if (shared.size < 1000) shared.set(key, verdict);
  }
  return verdict;
}

const tooManyPods = 'Too many pods';
const nothing = (d: Demand) => d.cpuMilli === 0 && d.memory === 0 && d.ephemeralStorage === 0 && d.scalars.length === 0;

/** Fits the pod an empty node of this allocatable? */
function fitsEmpty(demand: Demand, allocatable: Amounts, isDevice: (name: string) => boolean): boolean {
  if (1 > (allocatable.get('pods') ?? 0)) return false;
  if (demand.cpuMilli > (allocatable.get('cpu') ?? 0) || demand.memory > (allocatable.get('memory') ?? 0) || demand.ephemeralStorage > (allocatable.get('ephemeral-storage') ?? 0)) return false;
  return demand.scalars.every(([name, amount]) => amount === 0 || amount <= (allocatable.get(name) ?? 0) || (!((allocatable.get(name) ?? 0) > 0) && isDevice(name)));
}

function gained(demand: Demand, before: Amounts, after: Amounts, isDevice: (name: string) => boolean): boolean {
  const more = (name: string) => (after.get(name) ?? 0) > (before.get(name) ?? 0);
  if (more('pods')) return true;
  if (nothing(demand)) return false;
  if ((demand.cpuMilli > 0 && more('cpu')) || (demand.memory > 0 && more('memory')) || (demand.ephemeralStorage > 0 && more('ephemeral-storage'))) return true;
  return demand.scalars.some(([name, amount]) => amount !== 0 && (more(name) || (!((after.get(name) ?? 0) > 0) && isDevice(name))));
}

function scaledDownForUs(target: PodInfo, old: Pod, now: Pod): boolean {
  if (now.metadata.uid === target.uid) return true;
  if (!now.spec?.nodeName) return false;
  const before = podRequests(old, { useStatus: true });
  const after = podRequests(now, { useStatus: true });
  for (const [name, amount] of podRequests(target.pod, { useStatus: true })) {
    if (amount === 0) continue;
    const counted = name === 'cpu' || name === 'memory' || name === 'ephemeral-storage' || isScalarResource(name);
    if (counted && (before.get(name) ?? 0) > (after.get(name) ?? 0)) return true;
  }
  return false;
}

/** Rejects nodes without room for the pod's requests, and scores them by how full they would be. kep.k8s.io/624 */
export const nodeResourcesFit: PluginFactory<NodeResourcesFitArgs> = {
  name: 'NodeResourcesFit',
  create: (args, handle) => {
    const { snapshot } = handle;
    const ignored = new Set(args.ignoredResources);
    const ignoredGroups = new Set(args.ignoredResourceGroups);
    const isIgnored = (name: string) => isExtendedResource(name) && (ignored.has(name) || ignoredGroups.has(name.split('/')[0]));
    const scorer = scorerOf(args.scoringStrategy, handle);
    const isDevice = (name: string) => isDeviceResource(handle, name);
    return plugin<State, { requests: readonly number[]; devices: DevicesOnNode | undefined; scorer: Scorer }>({
      name: 'NodeResourcesFit',
      preFilter: (info) => {
        const demand = info.scheduling;
        const scalars = demand.scalars.filter(([name, amount]) => amount !== 0 && !isIgnored(name)).map(([name, amount]) => [name, amount, isDevice(name)] as const);
        return { state: { demand, scalars } };
      },
      filterScope: 'node',
      filter: ({ demand, scalars }, _info, i) => {
        const full = snapshot.pods[i].length + 1 > snapshot.podsAllowed[i];
        const noCpu = demand.cpuMilli > 0 && demand.cpuMilli > snapshot.cpuAllocatable[i] - snapshot.cpuRequested[i];
        const noMemory = demand.memory > 0 && demand.memory > snapshot.memoryAllocatable[i] - snapshot.memoryRequested[i];
        const noStorage = demand.ephemeralStorage > 0 && demand.ephemeralStorage > snapshot.storageAllocatable[i] - snapshot.storageRequested[i];
        if (!full && !noCpu && !noMemory && !noStorage && !scalars.length) return undefined;
        const reasons: string[] = [];
        let hopeless = false;
        if (full) reasons.push(tooManyPods);
        if (noCpu) {
          reasons.push('Insufficient cpu');
          hopeless ||= demand.cpuMilli > snapshot.cpuAllocatable[i];
        }
        if (noMemory) {
          reasons.push('Insufficient memory');
          hopeless ||= demand.memory > snapshot.memoryAllocatable[i];
        }
        if (noStorage) {
          reasons.push('Insufficient ephemeral-storage');
          hopeless ||= demand.ephemeralStorage > snapshot.storageAllocatable[i];
        }
        for (const [name, amount, device] of scalars) {
          const column = snapshot.scalar(name);
          const allocatable = column?.allocatable[i] ?? 0;
          if (device && !(allocatable > 0)) continue;
          if (amount > allocatable - (column?.requested[i] ?? 0)) {
            reasons.push(`Insufficient ${name}`);
            hopeless ||= amount > allocatable;
          }
        }
        return reasons.length ? lacking(reasons, hopeless) : undefined;
      },
      preScore: (info) => ({ state: { requests: fitRequests(info, args.scoringStrategy.resources), devices: devicesFor(args.scoringStrategy.resources, handle), scorer } }),
      scoreScope: 'node',
      score: (state, _info, node) => state.scorer(state.requests, node, state.devices),
      events: [
        {
          resource: 'Pod',
          action: Action.Delete | Action.UpdatePodScaleDown,
          hint: (pod, old?: Pod, now?: Pod) => (now ? scaledDownForUs(pod, old!, now) : Boolean(old?.spec?.nodeName || old?.status?.nominatedNodeName)),
        },
        {
          resource: 'Node',
          action: Action.Add | Action.UpdateNodeAllocatable,
          hint: (pod, old?: Node, now?: Node) => {
            const demand = demandOf(podRequests(pod.pod));
            const after = amountsOf(now!.status?.allocatable);
            return fitsEmpty(demand, after, isDevice) && (!old || gained(demand, amountsOf(old.status?.allocatable), after, isDevice));
          },
        },
        {
          resource: 'resource.k8s.io/DeviceClass',
          action: Action.Add | Action.Update,
          hint: (pod, old?: DeviceClass, now?: DeviceClass) => {
            if (old ? (old.spec.extendedResourceName ?? '') === (now!.spec.extendedResourceName ?? '') : false) return false;
            const requests = podRequests(pod.pod);
            if (!old && requests.has(`deviceclass.resource.kubernetes.io/${now!.metadata.name}`)) return true;
            return now!.spec.extendedResourceName !== undefined && requests.has(now!.spec.extendedResourceName);
          },
        },
      ],
    });
  },
};

/** Only where devices can be had for it: else the resource is one the node does not have. */
const isDeviceResource = (handle: PluginHandle, name: string): boolean => handle.features.DRAExtendedResource && handle.deviceTotals !== undefined && deviceClassOf(handle.objects, name) !== undefined;
