/** A pod sandbox as the CRI takes it. Labels and annotations are upstream's, so that crictl and a restarted kubelet read them. */
import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import type { DNSConfig, Draft, PodSandboxConfig } from '../cri/contract.ts';
import { podTotals, quotaOf, sharesOf } from './resources.ts';
import { sandboxSecurity } from './security.ts';

export const labelKeys = {
  podName: 'io.kubernetes.pod.name',
  podNamespace: 'io.kubernetes.pod.namespace',
  podUid: 'io.kubernetes.pod.uid',
  containerName: 'io.kubernetes.container.name',
} as const;

export const annotationKeys = {
  hash: 'io.kubernetes.container.hash',
  restartCount: 'io.kubernetes.container.restartCount',
  terminationMessagePath: 'io.kubernetes.container.terminationMessagePath',
  terminationMessagePolicy: 'io.kubernetes.container.terminationMessagePolicy',
  preStop: 'io.kubernetes.container.preStopHandler',
  ports: 'io.kubernetes.container.ports',
  terminationGracePeriod: 'io.kubernetes.pod.terminationGracePeriod',
  deletionGracePeriod: 'io.kubernetes.pod.deletionGracePeriod',
} as const;

export const podLogDirectory = (root: string, pod: { namespace: string; name: string; uid: string }): string => `${root}/${pod.namespace}_${pod.name}_${pod.uid}`;

export const podLabels = (pod: Pod): Record<string, string> => ({ [labelKeys.podName]: pod.metadata.name!, [labelKeys.podNamespace]: pod.metadata.namespace!, [labelKeys.podUid]: pod.metadata.uid! });

export interface SandboxInputs {
  pod: Pod;
  attempt: number;
  hostname: string;
  dns: DNSConfig;
  logRoot: string;
  /** Empty: the runtime chooses. */
  cgroupParent: string;
  seccompRoot: string;
}

export function sandboxConfig({ pod, attempt, hostname, dns, logRoot, cgroupParent, seccompRoot }: SandboxInputs): Draft<PodSandboxConfig> {
  const { metadata } = pod;
  const spec = pod.spec!;
  const identity = { name: metadata.name!, namespace: metadata.namespace!, uid: metadata.uid! };
  const totals = podTotals(pod);
  const portMappings = spec.hostNetwork ? [] : [...spec.containers, ...(spec.initContainers ?? [])].flatMap((c) => (c.ports ?? []).filter((p) => p.hostPort).map((p) => ({ protocol: (p.protocol ?? 'TCP') as 'TCP', containerPort: p.containerPort, hostPort: p.hostPort!, hostIp: p.hostIP ?? '' })));
  return {
    metadata: { ...identity, attempt },
    hostname: spec.hostNetwork && !spec.hostnameOverride ? '' : hostname,
    logDirectory: podLogDirectory(logRoot, identity),
    dnsConfig: dns,
    portMappings,
    labels: { ...metadata.labels, ...podLabels(pod) },
    annotations: { ...metadata.annotations, 'kubernetes.io/config.source': metadata.annotations?.['kubernetes.io/config.source'] ?? 'api' },
    linux: {
      cgroupParent,
      sysctls: Object.fromEntries((spec.securityContext?.sysctls ?? []).map((s) => [s.name, s.value])),
      securityContext: sandboxSecurity(pod, seccompRoot),
      resources: { cpuPeriod: 100_000, cpuShares: sharesOf(totals.requests.cpu ?? 0), cpuQuota: quotaOf(totals.limits.cpu ?? 0), memoryLimitInBytes: totals.limits.memory ?? 0 },
    },
  };
}
