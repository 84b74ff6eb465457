/** A real node: kubelet over CRI, pod network, service proxy, cluster DNS. */
import { nodes } from '@pilothouse/apimachinery';
import { messageOf, type Runtime, type Scope, UserError } from '@pilothouse/base';
import type { Client, InformerFactory } from '@pilothouse/client';
import { startKubelet } from '@pilothouse/kubelet-lite/kubelet';
import { connectCri } from '@pilothouse/kubelet-lite/cri/grpc-client';
import type { KubeletOptions } from '@pilothouse/kubelet-lite/options';
import { writeCniConfig } from '@pilothouse/node-network';

export interface NodeSetup {
  client: Client;
  informers: InformerFactory;
  nodeName: string;
  /** `unix:///run/containerd/containerd.sock` */
  runtimeEndpoint: string;
  options: KubeletOptions;
  /** Where the runtime reads the pod network's configuration; undefined: somebody else writes it. */
  cniConfDir?: string;
}

/** Sockets of container runtimes where distributions put them. */
export const runtimeSockets = ['/run/containerd/containerd.sock', '/run/crio/crio.sock', '/run/cri-dockerd.sock'];

/** Starts the kubelet and, once the node has its range of pod addresses, configures the pod network. */
export async function startNode(runtime: Runtime, scope: Scope, setup: NodeSetup): Promise<void> {
  const cri = connectCri({ endpoint: setup.runtimeEndpoint, log: runtime.log });
  scope.defer(() => cri.close());
  try {
    await cri.call('Version', {}, { timeoutMs: 5_000 });
  } catch (error) {
    throw new UserError(`no container runtime answers at ${setup.runtimeEndpoint}: ${messageOf(error)}`);
  }
  if (setup.cniConfDir) {
    const informer = setup.informers.informer(nodes, { fieldSelector: `metadata.name=${setup.nodeName}` });
    let written = '';
    const configure = (podCIDRs: readonly string[] | undefined) => {
      const text = podCIDRs?.join(',') ?? '';
      if (!text || text === written) return;
      written = text;
      writeCniConfig(setup.cniConfDir!, { podCIDRs: podCIDRs! }).catch((error) => runtime.log.error('Cannot write the pod network configuration', { err: error }));
    };
    scope.defer(informer.handle({ add: (node) => configure(node.spec?.podCIDRs), update: (node) => configure(node.spec?.podCIDRs) }));
  }
  scope.own(await startKubelet({ client: setup.client, informers: setup.informers, runtime, cri, nodeName: setup.nodeName, options: setup.options }));
}
