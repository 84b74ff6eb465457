import type { PodInfo } from '@pilothouse/scheduler-framework';
import { inNamespace, type Plight, type Proposal, type Proposer, type RejectedNode } from './proposal.ts';

/** Nodes whose pods are looked at. */
const mostNodes = 12;

interface Lack {
  readonly cpuMilli: number;
  readonly memory: number;
  readonly pods: number;
}

/** What the node lacks for the pod; zeros where it has enough. */
function lackOf({ run, info }: Plight, { index }: RejectedNode): Lack {
  const { snapshot } = run.world;
  const { cpuMilli, memory } = info.scheduling;
  return {
    cpuMilli: Math.max(0, cpuMilli - (snapshot.cpuAllocatable[index] - snapshot.cpuRequested[index])),
    memory: Math.max(0, memory - (snapshot.memoryAllocatable[index] - snapshot.memoryRequested[index])),
    pods: Math.max(0, snapshot.pods[index].length + 1 - snapshot.podsAllowed[index]),
  };
}

const amount = ({ cpuMilli, memory, pods }: Lack): string => [cpuMilli && `${cpuMilli}m cpu`, memory && `${Math.ceil(memory / 2 ** 20)}Mi memory`, pods && `${pods} place${pods === 1 ? '' : 's'}`].filter(Boolean).join(', ');

function propose(names: readonly PodInfo[], node: string, why: string): Proposal {
  const list = names.map((p) => p.key);
  const commands = [...new Set(names.map((p) => p.namespace))].map((namespace) => `kubectl delete pod${inNamespace(namespace)} ${names.filter((p) => p.namespace === namespace).map((p) => p.name).join(' ')}`);
  return { kind: 'EvictPods', change: `${why}evict ${list.join(' and ')} from ${node}`, edits: names.map((p) => ({ evictPod: { namespace: p.namespace, name: p.name } })), command: commands.join(' && ') };
}

export const evictions: Proposer = {
  name: 'evictions',
  *propose(plight) {
    const { run, rejectedBy } = plight;
    const { snapshot } = run.world;
    const nodes = rejectedBy('NodeResourcesFit', 5000).map((node) => ({ node, lack: lackOf(plight, node) }));
    nodes.sort((a, b) => a.lack.cpuMilli - b.lack.cpuMilli || a.lack.memory - b.lack.memory);
    for (const { node, lack } of nodes.slice(0, mostNodes)) {
      const pods = [...snapshot.pods[node.index]].sort((a, b) => a.priority - b.priority || a.demand.cpuMilli - b.demand.cpuMilli);
      const why = amount(lack) ? `free ${amount(lack)}: ` : '';
      const one = pods.find((p) => p.demand.cpuMilli >= lack.cpuMilli && p.demand.memory >= lack.memory && lack.pods <= 1);
      if (one) {
        yield propose([one], node.name, why);
        continue;
      }
      const some: PodInfo[] = [];
      let { cpuMilli, memory, pods: places } = lack;
      for (const pod of pods.reverse().sort((a, b) => a.priority - b.priority || b.demand.cpuMilli - a.demand.cpuMilli)) {
        if (cpuMilli <= 0 && memory <= 0 && places <= 0) break;
        some.push(pod);
        cpuMilli -= pod.demand.cpuMilli;
        memory -= pod.demand.memory;
        places--;
      }
      if (some.length && cpuMilli <= 0 && memory <= 0) yield propose(some, node.name, why);
    }
    // Pods that stand in the way by their ports or by keeping others off.
    for (const plugin of ['NodePorts', 'InterPodAffinity']) {
      for (const node of rejectedBy(plugin, 4)) for (const pod of snapshot.pods[node.index].slice(0, 10)) if (plugin === 'NodePorts' ? pod.hostPorts.length : true) yield propose([pod], node.name, '');
    }
  },
};

export const requests: Proposer = {
  name: 'requests',
  *propose(plight) {
    const { run, pod, rejectedBy } = plight;
    const { snapshot } = run.world;
    let best: { node: RejectedNode; cpu: number; memory: number } | undefined;
    for (const node of rejectedBy('NodeResourcesFit', 5000)) {
      const cpu = snapshot.cpuAllocatable[node.index] - snapshot.cpuRequested[node.index];
      const memory = snapshot.memoryAllocatable[node.index] - snapshot.memoryRequested[node.index];
      if (!best || cpu > best.cpu) best = { node, cpu, memory };
    }
    if (!best || pod.spec!.containers.length !== 1) return;
    const [container] = pod.spec!.containers;
    const asked = plight.info.scheduling;
    const smaller: Record<string, string> = {};
    if (asked.cpuMilli > best.cpu && best.cpu > 0) smaller.cpu = `${Math.floor(best.cpu)}m`;
    if (asked.memory > best.memory && best.memory > 0) smaller.memory = `${Math.floor(best.memory / 2 ** 20)}Mi`;
    if (Object.keys(smaller).length !== 1) return;
    const [[name, value]] = Object.entries(smaller);
    const resources = { ...container.resources, requests: { ...container.resources?.requests, ...smaller }, ...(container.resources?.limits && { limits: { ...container.resources.limits, ...smaller } }) };
    yield { kind: 'ReduceRequests', change: `request at most ${value} ${name} (now ${container.resources?.requests?.[name] ?? 'the limit'})`, edits: [{ patchPod: { spec: { containers: [{ ...container, resources }] } } as Record<string, unknown> }] };
  },
};

/** Priorities that are tried. */
const mostPriorities = 6;

export const priorities: Proposer = {
  name: 'priorities',
  *propose({ run, pod, info }) {
    if (pod.spec!.preemptionPolicy === 'Never') return;
    const { snapshot } = run.world;
    const found = new Set<number>();
    for (const node of snapshot.list()) for (const other of snapshot.pods[node]) if (other.priority >= info.priority && other.priority < 2_000_000_000) found.add(other.priority);
    for (const priority of [...found].sort((a, b) => a - b).slice(0, mostPriorities)) yield { kind: 'RaisePriority', change: `raise the pod's priority above ${priority} (now ${info.priority}), so that it may take the place of others`, edits: [{ patchPod: { spec: { priority: priority + 1 } } }] };
  },
};

export const newNodes: Proposer = {
  name: 'newNodes',
  *propose({ roomiest, run }) {
    const kinds = new Set<string>();
    for (const { name, node } of roomiest(50)) {
      const kind = JSON.stringify([node.status?.allocatable, node.spec?.taints]);
      if (kinds.has(kind) || kinds.size >= 3) continue;
      kinds.add(kind);
      let fresh = `${name}-copy`;
      for (let i = 2; run.world.snapshot.indexOf(fresh) >= 0; i++) fresh = `${name}-copy${i}`;
      yield { kind: 'AddNode', change: `add a node like ${name}`, edits: [{ addNode: { name: fresh, like: name } }] };
    }
  },
};

