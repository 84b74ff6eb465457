/** Whether a pod may run on this node: what the kubelet checks for itself before it starts anything. Pure. */
import type { Node, NodeSelectorTerm, Pod } from '@pilothouse/api-schemas/types/core/v1';
import { numbers, podTotals } from './resources.ts';

export interface Refusal {
  reason: string;
  message: string;
}

export interface AdmissionInputs {
  pod: Pod;
  node: Node;
  /** Pods on the node that hold resources: neither ended nor refused, without `pod`. */
  others: readonly Pod[];
  allowedUnsafeSysctls: readonly string[];
}

const safeSysctls = new Set(['kernel.shm_rmid_forced', 'net.ipv4.ip_local_port_range', 'net.ipv4.tcp_syncookies', 'net.ipv4.ping_group_range', 'net.ipv4.ip_unprivileged_port_start', 'net.ipv4.ip_local_reserved_ports', 'net.ipv4.tcp_keepalive_time', 'net.ipv4.tcp_fin_timeout', 'net.ipv4.tcp_keepalive_intvl', 'net.ipv4.tcp_keepalive_probes', 'net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem']);

/** Undefined: admitted. */
export function admit(inputs: AdmissionInputs): Refusal | undefined {
  return sysctls(inputs) ?? systemOf(inputs) ?? pressure(inputs) ?? fit(inputs) ?? hostPorts(inputs) ?? affinity(inputs) ?? taints(inputs);
}

function sysctls({ pod, allowedUnsafeSysctls }: AdmissionInputs): Refusal | undefined {
  for (const { name } of pod.spec?.securityContext?.sysctls ?? []) {
    const key = name.replaceAll('/', '.');
    const allowed = safeSysctls.has(key) || allowedUnsafeSysctls.some((p) => (p.endsWith('*') ? key.startsWith(p.slice(0, -1)) : p === key));
    if (!allowed) return { reason: 'SysctlForbidden', message: `forbidden sysctl: ${JSON.stringify(name)} not allowlisted` };
    const { hostNetwork, hostIPC } = pod.spec!;
    if ((hostNetwork && key.startsWith('net.')) || (hostIPC && /^(kernel\.(shm|msg|sem)|fs\.mqueue\.)/.test(key))) return { reason: 'SysctlForbidden', message: `forbidden sysctl: ${JSON.stringify(name)} not allowed with host ${key.startsWith('net.') ? 'net' : 'ipc'} enabled` };
  }
  return undefined;
}

function systemOf({ pod, node }: AdmissionInputs): Refusal | undefined {
  const os = pod.spec?.nodeSelector?.['kubernetes.io/os'];
  const own = node.metadata.labels?.['kubernetes.io/os'];
  if (os && own && os !== own) return { reason: 'PodOSSelectorNodeLabelDoesNotMatch', message: `Failed to admit pod as the \`kubernetes.io/os\` label doesn't match node label` };
  if (pod.spec?.os?.name && own && pod.spec.os.name !== own) return { reason: 'PodOSNotSupported', message: 'Failed to admit pod as the OS field doesn\'t match node OS' };
  return undefined;
}

/** A node that lacks memory or disk takes only what was promised its share. */
function pressure({ pod, node }: AdmissionInputs): Refusal | undefined {
  const has = (type: string) => node.status?.conditions?.some((c) => c.type === type && c.status === 'True');
  const critical = (pod.spec?.priority ?? 0) >= 2_000_000_000;
  if (critical || !(has('MemoryPressure') || has('DiskPressure') || has('PIDPressure'))) return undefined;
  const only = has('MemoryPressure') && !has('DiskPressure') && !has('PIDPressure');
  const sets = pod.spec!.containers.map((c) => c.resources ?? {});
  if (only && sets.some((r) => r.requests?.memory || r.requests?.cpu || r.limits?.memory || r.limits?.cpu)) return undefined;
  const conditions = ['MemoryPressure', 'DiskPressure', 'PIDPressure'].filter(has);
  return { reason: 'Evicted', message: `The node had condition: [${conditions.join(' ')}]. ` };
}

function fit({ pod, node, others }: AdmissionInputs): Refusal | undefined {
  const allocatable = numbers(node.status?.allocatable);
  const pods = allocatable.pods ?? 0;
  if (pods && others.length + 1 > pods) return insufficient('pods', 1, others.length, pods);
  const requested = podTotals(pod).requests;
  const used: Record<string, number> = {};
  for (const other of others) for (const [name, value] of Object.entries(podTotals(other).requests)) used[name] = (used[name] ?? 0) + value;
  for (const [name, value] of Object.entries(requested)) {
    if (!value) continue;
    // What the node does not offer at all and is not its own is left to those who offer it.
    if (allocatable[name] === undefined && !['cpu', 'memory', 'ephemeral-storage'].includes(name) && !name.startsWith('hugepages-')) continue;
    const capacity = allocatable[name] ?? 0;
    if (value > capacity - (used[name] ?? 0)) return insufficient(name, value, used[name] ?? 0, capacity);
  }
  return undefined;
}

const insufficient = (name: string, requested: number, used: number, capacity: number): Refusal => ({ reason: `OutOf${name}`, message: `Node didn't have enough resource: ${name}, requested: ${requested}, used: ${used}, capacity: ${capacity}` });

interface HostPort {
  ip: string;
  protocol: string;
  port: number;
}

export const hostPortsOf = (pod: Pod): HostPort[] =>
  [...pod.spec!.containers, ...(pod.spec!.initContainers ?? []).filter((c) => c.restartPolicy === 'Always')].flatMap((c) =>
    (c.ports ?? []).flatMap((p) => {
      const port = p.hostPort ?? (pod.spec!.hostNetwork ? p.containerPort : 0);
      return port ? [{ ip: p.hostIP || '0.0.0.0', protocol: p.protocol ?? 'TCP', port }] : [];
    }),
  );

function hostPorts({ pod, others }: AdmissionInputs): Refusal | undefined {
  const wanted = hostPortsOf(pod);
  if (!wanted.length) return undefined;
  const taken = others.flatMap(hostPortsOf);
  const any = (ip: string) => ip === '0.0.0.0' || ip === '::';
  const clash = wanted.some((w) => taken.some((t) => t.port === w.port && t.protocol === w.protocol && (any(t.ip) || any(w.ip) || t.ip === w.ip)));
  return clash ? { reason: 'NodePorts', message: "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports" } : undefined;
}

function affinity({ pod, node }: AdmissionInputs): Refusal | undefined {
  const labels = node.metadata.labels ?? {};
  const selector = Object.entries(pod.spec?.nodeSelector ?? {}).every(([k, v]) => labels[k] === v);
  const terms = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  const matches = selector && (!terms || terms.some((term) => termMatches(term, node)));
  return matches ? undefined : { reason: 'NodeAffinity', message: "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector" };
}

/** A term without requirements matches nothing. */
function termMatches(term: NodeSelectorTerm, node: Node): boolean {
  if (!term.matchExpressions?.length && !term.matchFields?.length) return false;
  const meets = (value: string | undefined, operator: string, values: readonly string[] = []) => {
    if (operator === 'In') return value !== undefined && values.includes(value);
    if (operator === 'NotIn') return value === undefined || !values.includes(value);
    if (operator === 'Exists') return value !== undefined;
    if (operator === 'DoesNotExist') return value === undefined;
    if (operator === 'Gt') return value !== undefined && Number(value) > Number(values[0]);
    return operator === 'Lt' && value !== undefined && Number(value) < Number(values[0]);
  };
  return (term.matchExpressions ?? []).every((e) => meets(node.metadata.labels?.[e.key], e.operator, e.values)) && (term.matchFields ?? []).every((e) => meets(e.key === 'metadata.name' ? node.metadata.name : undefined, e.operator, e.values));
}

/** Only NoExecute counts here: whether a pod is scheduled is the scheduler's, or was somebody's by hand. */
function taints({ pod, node }: AdmissionInputs): Refusal | undefined {
  const untolerated = (node.spec?.taints ?? []).some((taint) => taint.effect === 'NoExecute' && !(pod.spec?.tolerations ?? []).some((t) => (!t.effect || t.effect === taint.effect) && (t.operator === 'Exists' ? !t.key || t.key === taint.key : t.key === taint.key && (t.value ?? '') === (taint.value ?? ''))));
  return untolerated ? { reason: 'TaintToleration', message: 'Predicate TaintToleration failed: node(s) had untolerated taint' } : undefined;
}
