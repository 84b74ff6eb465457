/** What pod workers of one node share. Everything that touches the world is behind it. */
import type { Node, Pod, Service } from '@pilothouse/api-schemas/types/core/v1';
import type { Runtime } from '@pilothouse/base';
import type { Client } from '@pilothouse/client';
import type { Cri, DNSConfig } from '../cri/contract.ts';
import type { ImageManager } from '../images/manager.ts';
import type { CgroupManager } from '../node/cgroups.ts';
import type { ProbeManager } from '../probes/manager.ts';
import type { VolumeManager } from '../volumes/manager.ts';
import type { ObjectSources } from '../volumes/object-sources.ts';
import type { Backoff } from './backoff.ts';
import type { ContainerKind } from './pod-facts.ts';
import type { RuntimeReader } from './runtime-reader.ts';
import type { StatusManager } from './status-manager.ts';

export interface NodeContext {
  runtime: Runtime;
  nodeName: string;
  client: Client;
  cri: Cri;
  /** `containerd`: the scheme of container ids. */
  runtimeName(): string;
  reader: RuntimeReader;
  images: ImageManager;
  volumes: VolumeManager;
  probes: ProbeManager;
  sources: ObjectSources;
  status: StatusManager;
  cgroups: CgroupManager;
  crashBackoff: Backoff;
  services(): readonly Service[];
  node(): Node;
  hostIps(): readonly string[];
  memoryCapacity(): number;
  event(pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string, container?: { kind: ContainerKind; name: string }): void;
  /** The host's /etc/hosts and resolver, read anew. */
  hostFile(): string;
  hostDns(): DNSConfig;
  settings: NodeSettings;
  /** No files are written for pods: hollow nodes. */
  simulated: boolean;
}

export interface NodeSettings {
  rootDir: string;
  podLogsDir: string;
  /** Links `<pod>_<namespace>_<container>-<id>.log` for log collectors; '' for none. */
  containerLogsDir: string;
  seccompRoot: string;
  cgroupRoot: string;
  clusterDns: readonly string[];
  clusterDomain: string;
  allowedUnsafeSysctls: readonly string[];
}
