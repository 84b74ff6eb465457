/**
 * kube-controller-manager's flags that concern controllers, as data: the command line is made of this table, controllers
 * read `flags[name]`. Durations are handed on as milliseconds, files as their content.
 * @see https://kubernetes.io/docs/reference/command-line-tools-reference/kube-controller-manager/
 */
import type { ControllerDefinition } from '@pilothouse/controller-runtime';

export type FlagKind = 'text' | 'list' | 'boolean' | 'count' | 'number' | 'duration' | 'file';

export interface ControllerFlag {
  /** As on the command line, without the dashes. */
  name: string;
  kind: FlagKind;
  description: string;
  /** Absent: the controller has its own default, which is upstream's. */
  default?: string | number | boolean;
  /** The flag says how many keys this controller handles side by side. */
  workersOf?: string;
}

const workers = (name: string, workersOf: string): ControllerFlag => ({ name, kind: 'count', description: `keys that the ${workersOf} handles side by side`, workersOf });
const signer = (name: string): ControllerFlag[] => ['cert', 'key'].map((part) => ({ name: `cluster-signing-${name}-${part}-file`, kind: 'file', description: `${part === 'cert' ? 'authority' : 'its key'} that signs for kubernetes.io/${name}` }));

export const controllerFlagTable: readonly ControllerFlag[] = [
  workers('concurrent-cron-job-syncs', 'cronjob-controller'),
  workers('concurrent-daemonset-syncs', 'daemonset-controller'),
  workers('concurrent-deployment-syncs', 'deployment-controller'),
  workers('concurrent-device-taint-eviction-syncs', 'device-taint-eviction-controller'),
  workers('concurrent-endpoint-syncs', 'endpoints-controller'),
  workers('concurrent-ephemeralvolume-syncs', 'ephemeral-volume-controller'),
  workers('concurrent-gc-syncs', 'garbage-collector-controller'),
  workers('concurrent-horizontal-pod-autoscaler-syncs', 'horizontal-pod-autoscaler-controller'),
  workers('concurrent-job-syncs', 'job-controller'),
  workers('concurrent-namespace-syncs', 'namespace-controller'),
  workers('concurrent-replicaset-syncs', 'replicaset-controller'),
  workers('concurrent-resource-quota-syncs', 'resourcequota-controller'),
  workers('concurrent-resourceclaim-syncs', 'resourceclaim-controller'),
  workers('concurrent-service-endpoint-syncs', 'endpointslice-controller'),
  workers('concurrent-service-syncs', 'service-lb-controller'),
  workers('concurrent-serviceaccount-token-syncs', 'serviceaccount-token-controller'),
  workers('concurrent-statefulset-syncs', 'statefulset-controller'),
  workers('concurrent-ttl-after-finished-syncs', 'ttl-after-finished-controller'),
  workers('concurrent-validating-admission-policy-status-syncs', 'validatingadmissionpolicy-status-controller'),
  workers('concurrent_rc_syncs', 'replicationcontroller-controller'),
  workers('mirroring-concurrent-service-endpoint-syncs', 'endpointslice-mirroring-controller'),

  { name: 'cluster-cidr', kind: 'text', description: 'addresses of pods', default: '10.244.0.0/16' },
  { name: 'service-cluster-ip-range', kind: 'text', description: 'addresses of services', default: '10.96.0.0/16' },
  { name: 'allocate-node-cidrs', kind: 'boolean', description: 'give each node a range of pod addresses', default: true },
  { name: 'node-cidr-mask-size', kind: 'count', description: 'size of a node\'s range (default: 24 for IPv4, 64 for IPv6)' },
  { name: 'node-cidr-mask-size-ipv4', kind: 'count', description: 'size of a node\'s IPv4 range in a dual-stack cluster (default: 24)' },
  { name: 'node-cidr-mask-size-ipv6', kind: 'count', description: 'size of a node\'s IPv6 range in a dual-stack cluster (default: 64)' },
  { name: 'node-monitor-period', kind: 'duration', description: 'how often nodes are looked at (default: 5s)' },
  { name: 'node-monitor-grace-period', kind: 'duration', description: 'how long a node may be silent before it counts as unreachable (default: 50s)' },
  { name: 'node-startup-grace-period', kind: 'duration', description: 'the same while it starts (default: 1m)' },
  { name: 'node-eviction-rate', kind: 'number', description: 'nodes per second that pods are evicted from in a healthy zone (default: 0.1)' },
  { name: 'secondary-node-eviction-rate', kind: 'number', description: 'the same in an unhealthy zone (default: 0.01)' },
  { name: 'large-cluster-size-threshold', kind: 'count', description: 'zones up to this many nodes evict nothing while unhealthy (default: 50)' },
  { name: 'unhealthy-zone-threshold', kind: 'number', description: 'share of nodes not ready that makes a zone unhealthy (default: 0.55)' },
  { name: 'terminated-pod-gc-threshold', kind: 'count', description: 'terminated pods that are kept; 0: all (default: 12500)' },
  { name: 'resource-quota-sync-period', kind: 'duration', description: 'how often all quotas are counted anew (default: 5m)' },
  { name: 'endpoint-updates-batch-period', kind: 'duration', description: 'changes of pods are gathered for so long before endpoints are written (default: 0s)' },
  { name: 'endpointslice-updates-batch-period', kind: 'duration', description: 'the same for endpoint slices (default: 0s)' },
  { name: 'mirroring-endpointslice-updates-batch-period', kind: 'duration', description: 'the same for mirrored slices (default: 0s)' },
  { name: 'max-endpoints-per-slice', kind: 'count', description: 'endpoints in a slice (default: 100)' },
  { name: 'mirroring-max-endpoints-per-subset', kind: 'count', description: 'addresses of a subset that are mirrored (default: 1000)' },
  { name: 'horizontal-pod-autoscaler-sync-period', kind: 'duration', description: 'how often autoscalers look (default: 15s)' },
  { name: 'horizontal-pod-autoscaler-downscale-stabilization', kind: 'duration', description: 'how long a higher recommendation holds (default: 5m)' },
  { name: 'horizontal-pod-autoscaler-cpu-initialization-period', kind: 'duration', description: 'after a pod\'s start its CPU samples may be skipped for so long (default: 5m)' },
  { name: 'horizontal-pod-autoscaler-initial-readiness-delay', kind: 'duration', description: 'changes of readiness count as the first for so long (default: 30s)' },
  { name: 'horizontal-pod-autoscaler-tolerance', kind: 'number', description: 'least change of the ratio that scales (default: 0.1)' },
  { name: 'legacy-service-account-token-clean-up-period', kind: 'duration', description: 'unused token secrets go after twice this (default: 8760h)' },
  { name: 'root-ca-file', kind: 'file', description: 'authority published to every namespace' },
  { name: 'service-account-private-key-file', kind: 'file', description: 'key that signs the tokens kept in secrets' },
  { name: 'cluster-signing-cert-file', kind: 'file', description: 'authority that signs certificate requests' },
  { name: 'cluster-signing-key-file', kind: 'file', description: 'its key' },
  ...signer('kube-apiserver-client'),
  ...signer('kubelet-client'),
  ...signer('kubelet-serving'),
  ...signer('legacy-unknown'),
  { name: 'cluster-signing-duration', kind: 'duration', description: 'longest validity of what is signed (default: 8760h)' },
  { name: 'enable-garbage-collector', kind: 'boolean', description: 'collect objects whose owners are gone', default: true },
  { name: 'enable-dynamic-provisioning', kind: 'boolean', description: 'make volumes for claims whose class asks for it', default: true },

  // Ours: Kubernetes leaves load balancers and provisioners to others.
  { name: 'service-lb-pool', kind: 'list', description: 'addresses of services of type LoadBalancer: blocks, ranges A-B, single ones; absent: they stay pending' },
  { name: 'hostpath-provisioner-directory', kind: 'text', description: 'where the hostpath-provisioner-controller makes volumes (default: /var/lib/pilothouse/volumes)' },
  { name: 'hostpath-provisioner-node', kind: 'text', description: 'the node whose machine it runs on; directories of others are left to their own' },
];

/** The definitions, each with as many workers as its flag asks for. */
export const withConcurrency = (definitions: readonly ControllerDefinition<any>[], flags: Readonly<Record<string, unknown>> = {}): ControllerDefinition<any>[] =>
  definitions.map((definition) => {
    const flag = controllerFlagTable.find(({ workersOf }) => workersOf === definition.name);
    const asked = flag && Number(flags[flag.name]);
    return asked ? { ...definition, workers: asked } : definition;
  });
