/** What a kubelet can be told; names follow upstream's flags and KubeletConfiguration. */
import type { Taint } from '@pilothouse/api-schemas/types/core/v1';

export interface KubeletOptions {
  /** Addresses of the node; default the machine's. */
  nodeIps?: readonly string[];
  nodeLabels?: Readonly<Record<string, string>>;
  registerWithTaints?: readonly Taint[];
  /** Default true. */
  registerNode?: boolean;
  registerSchedulable?: boolean;
  providerId?: string;
  /** Default 110. */
  maxPods?: number;
  /** Kept from pods: thousandths of cpu, bytes of the rest. */
  reserved?: Readonly<Record<string, number>>;
  /** Extended resources of the node, as quantities. */
  extraCapacity?: Readonly<Record<string, string>>;
  /** Default /var/lib/kubelet. */
  rootDir?: string;
  /** Default /var/log/pods. */
  podLogsDir?: string;
  /** Default /var/log/containers; '' for none. */
  containerLogsDir?: string;
  clusterDns?: readonly string[];
  /** Default cluster.local. */
  clusterDomain?: string;
  /** Default /etc/resolv.conf; '' for none. */
  resolvConf?: string;
  /** Pods' cgroups are below it; default /. `none`: left to the runtime. */
  cgroupRoot?: string;
  allowedUnsafeSysctls?: readonly string[];
  /** Default 10 s. */
  heartbeatMs?: number;
  /** Default 1 s. */
  relistMs?: number;
  /** The server; false: none. */
  server?: KubeletServerOptions | false;
}

export interface KubeletServerOptions {
  /** Default 0.0.0.0. */
  address?: string;
  /** Default 10250; 0 takes any. */
  port?: number;
  /** PEM; absent: self-made. */
  cert?: string;
  key?: string;
  /** PEM of the authority whose client certificates are believed. */
  clientCa?: string;
  /** Requests without credentials; default false. */
  anonymousAuth?: boolean;
  /** Default `Webhook`: SubjectAccessReview. */
  authorizationMode?: 'Webhook' | 'AlwaysAllow';
}
