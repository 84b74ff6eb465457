/** kubescheduler.config.k8s.io/v1, as a file or flag gives it. */
import type { ExtensionPoint } from '../contract.ts';

export const configApiVersion = 'kubescheduler.config.k8s.io/v1';

export interface PluginEntry {
  name: string;
  /** Score plugins only. */
  weight?: number;
}

export interface PluginSet {
  enabled?: PluginEntry[];
  /** `*`: all. */
  disabled?: PluginEntry[];
}

export type Plugins = Partial<Record<ExtensionPoint | 'multiPoint', PluginSet>>;

/** Points that a configuration may name though nothing extends them here. */
export type PlacementPoint = 'placementGenerate' | 'placementScore';

export interface KubeSchedulerProfile {
  schedulerName?: string;
  percentageOfNodesToScore?: number;
  plugins?: Plugins & Partial<Record<PlacementPoint, PluginSet>>;
  pluginConfig?: { name: string; args?: Record<string, unknown> }[];
}

export interface ExtenderConfig {
  urlPrefix: string;
  filterVerb?: string;
  preemptVerb?: string;
  prioritizeVerb?: string;
  weight?: number;
  bindVerb?: string;
  enableHTTPS?: boolean;
  tlsConfig?: { insecure?: boolean; serverName?: string; certFile?: string; keyFile?: string; caFile?: string; certData?: string; keyData?: string; caData?: string };
  /** A duration: `5s`. */
  httpTimeout?: string;
  nodeCacheCapable?: boolean;
  managedResources?: { name: string; ignoredByScheduler?: boolean }[];
  ignorable?: boolean;
}

export interface KubeSchedulerConfiguration {
  apiVersion?: string;
  kind?: string;
  parallelism?: number;
  leaderElection?: { leaderElect?: boolean; leaseDuration?: string; renewDeadline?: string; retryPeriod?: string; resourceLock?: string; resourceName?: string; resourceNamespace?: string };
  clientConnection?: { kubeconfig?: string; acceptContentTypes?: string; contentType?: string; qps?: number; burst?: number };
  enableProfiling?: boolean;
  enableContentionProfiling?: boolean;
  percentageOfNodesToScore?: number;
  podInitialBackoffSeconds?: number;
  podMaxBackoffSeconds?: number;
  profiles?: KubeSchedulerProfile[];
  extenders?: ExtenderConfig[];
  delayCacheUntilActive?: boolean;
}

/** A profile with everything filled in. */
export interface DefaultedProfile {
  schedulerName: string;
  percentageOfNodesToScore?: number;
  plugins: Required<Plugins>;
  /** Plugins asked for at points that none extends. */
  placement: readonly { point: PlacementPoint; name: string }[];
  /** By plugin, defaulted. */
  args: Record<string, Record<string, unknown>>;
  /** As given, with what was defaulted: for validation, which points into the list. */
  pluginConfig: { name: string; args: Record<string, unknown> }[];
}

export interface DefaultedConfiguration extends Required<Omit<KubeSchedulerConfiguration, 'profiles' | 'leaderElection' | 'clientConnection'>> {
  leaderElection: Required<NonNullable<KubeSchedulerConfiguration['leaderElection']>>;
  clientConnection: NonNullable<KubeSchedulerConfiguration['clientConnection']>;
  profiles: DefaultedProfile[];
}
