/** The Node object as the kubelet registers it and keeps it. Pure. */
import type { Node, NodeCondition, NodeStatus, Taint } from '@pilothouse/api-schemas/types/core/v1';
import { canonicalQuantity } from '@pilothouse/apimachinery';
import { formatTime } from '@pilothouse/base';
import type { Load, MachineFacts } from './machine.ts';

export const kubernetesVersion = 'v1.36.2';

/** What this kubelet can do that pods may need and other versions may lack (kep.k8s.io/5328); in order. */
export const declaredFeatures: readonly string[] = ['InPlacePodVerticalScalingInitContainers', 'RestartAllContainersOnContainerExits'];

export interface NodeInputs {
  name: string;
  facts: MachineFacts;
  runtimeVersion: string;
  /** `--node-ip`; default the machine's. */
  addresses: readonly string[];
  port: number;
  labels: Readonly<Record<string, string>>;
  taints: readonly Taint[];
  maxPods: number;
  /** Subtracted from capacity: `cpu`, `memory`, `ephemeral-storage`; numbers in thousandths and bytes. */
  reserved: Readonly<Record<string, number>>;
  providerId?: string;
  registerSchedulable: boolean;
  /** Extra capacity (extended resources), as quantities. */
  capacity?: Readonly<Record<string, string>>;
}

const hardMemoryEvictionBytes = 100 * 1024 * 1024;

/** Capacity and what pods may use of it. */
export function nodeResources({ facts, maxPods, reserved, capacity: extra = {} }: Pick<NodeInputs, 'facts' | 'maxPods' | 'reserved' | 'capacity'>): Pick<NodeStatus, 'capacity' | 'allocatable'> {
  // As the API server writes quantities, or every look at the status would find it changed.
  const ki = (bytes: number) => canonicalQuantity(`${Math.floor(bytes / 1024)}Ki`);
  const huge = Object.entries(facts.hugepages);
  const hugeTotal = huge.reduce((sum, [, bytes]) => sum + bytes, 0);
  const hugepages = Object.fromEntries(huge.map(([size, bytes]) => [`hugepages-${size}`, bytes ? canonicalQuantity(`${bytes / 1024 / 1024}Mi`) : '0']));
  const cpuMilli = facts.cpus * 1000 - (reserved.cpu ?? 0);
  return {
    capacity: { cpu: String(facts.cpus), 'ephemeral-storage': ki(facts.storageBytes), ...hugepages, memory: ki(facts.memoryBytes), pods: String(maxPods), ...extra },
    allocatable: {
      cpu: cpuMilli % 1000 ? `${cpuMilli}m` : String(cpuMilli / 1000),
      // A tenth is kept for the node itself (nodefs.available < 10 % evicts).
      'ephemeral-storage': String(Math.floor(facts.storageBytes * 0.9) - (reserved['ephemeral-storage'] ?? 0)),
      ...hugepages,
      memory: ki(facts.memoryBytes - hugeTotal - (reserved.memory ?? 0) - hardMemoryEvictionBytes),
      pods: String(maxPods),
      ...extra,
    },
  };
}

export interface ConditionInputs {
  nowMs: number;
  /** From the runtime's Status; undefined: it does not answer. */
  runtimeReady: boolean | undefined;
  networkReady: { ready: boolean; message: string };
  load: Load;
  diskFreeRatio: number;
  before: readonly NodeCondition[] | undefined;
}

export function nodeConditions({ nowMs, runtimeReady, networkReady, load, diskFreeRatio, before }: ConditionInputs): NodeCondition[] {
  const now = formatTime(nowMs);
  const condition = (type: string, status: 'True' | 'False', reason: string, message: string): NodeCondition => {
    const old = before?.find((c) => c.type === type);
    return { type, status, lastHeartbeatTime: now, lastTransitionTime: old?.status === status ? (old.lastTransitionTime ?? now) : now, reason, message };
  };
  const memory = load.memoryAvailableBytes < hardMemoryEvictionBytes;
  const disk = diskFreeRatio < 0.1;
  const pids = load.pidsFree < 100;
  const problems: string[] = [];
  if (runtimeReady === undefined) problems.push('[container runtime is down, PLEG is not healthy]'.slice(1, -1));
  else if (!runtimeReady) problems.push('container runtime not ready: RuntimeReady=false');
  else if (!networkReady.ready) problems.push(`container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:${networkReady.message}`);
  return [
    condition('MemoryPressure', memory ? 'True' : 'False', memory ? 'KubeletHasInsufficientMemory' : 'KubeletHasSufficientMemory', memory ? 'kubelet has insufficient memory available' : 'kubelet has sufficient memory available'),
    condition('DiskPressure', disk ? 'True' : 'False', disk ? 'KubeletHasDiskPressure' : 'KubeletHasNoDiskPressure', disk ? 'kubelet has disk pressure' : 'kubelet has no disk pressure'),
    condition('PIDPressure', pids ? 'True' : 'False', pids ? 'KubeletHasInsufficientPID' : 'KubeletHasSufficientPID', pids ? 'kubelet has insufficient PID available' : 'kubelet has sufficient PID available'),
    problems.length ? condition('Ready', 'False', 'KubeletNotReady', problems.join(', ')) : condition('Ready', 'True', 'KubeletReady', 'kubelet is posting ready status'),
  ];
}

/** The object to create; its Ready condition is still to come, so it carries the taint that keeps pods away. */
export function initialNode(inputs: NodeInputs): Node {
  const { name, facts } = inputs;
  const taints: Taint[] = [...inputs.taints, ...(inputs.registerSchedulable ? [] : [{ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }])];
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: defaultLabels(inputs), annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' } },
    spec: { ...(taints.length && { taints }), ...(inputs.providerId && { providerID: inputs.providerId }), ...(!inputs.registerSchedulable && { unschedulable: true }) },
    status: { ...nodeResources(inputs), ...fixedStatus(inputs), nodeInfo: nodeInfo(facts, inputs.runtimeVersion) },
  };
}

export const defaultLabels = ({ name, facts, labels }: Pick<NodeInputs, 'name' | 'facts' | 'labels'>): Record<string, string> => ({
  'beta.kubernetes.io/arch': facts.architecture,
  'beta.kubernetes.io/os': 'linux',
  'kubernetes.io/arch': facts.architecture,
  'kubernetes.io/hostname': name,
  'kubernetes.io/os': 'linux',
  ...labels,
});

export const fixedStatus = ({ name, addresses, port }: Pick<NodeInputs, 'name' | 'addresses' | 'port'>): Pick<NodeStatus, 'addresses' | 'daemonEndpoints' | 'declaredFeatures'> => ({
  declaredFeatures: [...declaredFeatures],
  addresses: [...addresses.map((address) => ({ type: 'InternalIP', address })), { type: 'Hostname', address: name }],
  daemonEndpoints: { kubeletEndpoint: { Port: port } },
});

export const nodeInfo = (facts: MachineFacts, runtimeVersion: string): NonNullable<NodeStatus['nodeInfo']> => ({
  machineID: facts.machineID,
  systemUUID: facts.systemUUID,
  bootID: facts.bootID,
  kernelVersion: facts.kernelVersion,
  osImage: facts.osImage,
  containerRuntimeVersion: runtimeVersion,
  kubeletVersion: kubernetesVersion,
  kubeProxyVersion: '',
  operatingSystem: 'linux',
  architecture: facts.architecture,
});
