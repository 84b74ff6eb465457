/** A pod as the runtime shows it: the kubelet's other source of truth, beside the API. */
import type { LinuxContainerResources } from '../cri/contract.ts';

export interface RuntimeContainer {
  /** The runtime's own id, without `containerd://`. */
  id: string;
  name: string;
  state: 'created' | 'running' | 'exited' | 'unknown';
  sandboxId: string;
  createdAtMs: number;
  /** 0: not started. */
  startedAtMs: number;
  finishedAtMs: number;
  exitCode: number;
  reason: string;
  message: string;
  /** As the runtime resolved it. */
  image: string;
  imageId: string;
  restartCount: number;
  /** Hash of the container's spec at its creation. */
  hash: string;
  resources?: LinuxContainerResources;
  user?: { uid: number; gid: number; supplementalGroups: number[] };
  logPath: string;
  /** `true` for containers whose exit was followed by the end of all containers of the pod. */
  terminationMessagePath: string;
}

export interface RuntimeSandbox {
  id: string;
  ready: boolean;
  attempt: number;
  createdAtMs: number;
  /** Empty on the host's network. */
  ips: string[];
  hostNetwork: boolean;
}

/** Newest first in both lists. */
export interface RuntimePod {
  uid: string;
  name: string;
  namespace: string;
  sandboxes: RuntimeSandbox[];
  containers: RuntimeContainer[];
}

export const emptyRuntimePod = (pod: { uid: string; name: string; namespace: string }): RuntimePod => ({ ...pod, sandboxes: [], containers: [] });

/** The newest container of that name. */
export const newestContainer = (runtime: RuntimePod, name: string): RuntimeContainer | undefined => runtime.containers.find((c) => c.name === name);

export const anyRunning = (runtime: RuntimePod): boolean => runtime.containers.some((c) => c.state === 'running');

/** `containerd://<id>`, as the API shows it. */
export const containerUri = (runtimeName: string, id: string): string => `${runtimeName}://${id}`;
export const idOfUri = (uri: string | undefined): string => (uri ? uri.slice(uri.indexOf('://') + 3) : '');
