/** How to reach a node's kubelet, and as whom. */
import { Agent } from 'node:https';
import { nodes, notFoundError } from '@pilothouse/apimachinery';
import type { ObjectReader } from '../contract.ts';
import { plainError, type Target } from './target.ts';

export interface KubeletAccess {
  /** `--kubelet-client-certificate` and key, PEM; made on first use. */
  clientCertificate: () => Promise<{ certificate: string; key: string }>;
  /** `--kubelet-certificate-authority`, PEM. Absent: the kubelet's certificate is not checked, which is upstream's default. */
  certificateAuthority?: string;
  /** `--kubelet-preferred-address-types`; default InternalIP, ExternalIP, Hostname. */
  addressTypes?: readonly string[];
}

export interface TlsMaterial {
  cert?: string;
  key?: string;
  ca?: string;
  rejectUnauthorized: boolean;
  /** The name that the backend's certificate must have. Absent: that of its address. */
  servername?: string;
}

export interface Kubelets {
  /** @throws StatusError when the node does not exist or has no address */
  locate(read: ObjectReader, node: string): Promise<Target>;
  tls(): Promise<TlsMaterial>;
  /** Keeps connections for requests (not for streams). */
  agent(): Promise<Agent>;
  close(): void;
}

const defaultPort = 10250;

export function kubelets(access: KubeletAccess): Kubelets {
  const types = access.addressTypes ?? ['InternalIP', 'ExternalIP', 'Hostname'];
  let material: Promise<TlsMaterial> | undefined;
  let agent: Promise<Agent> | undefined;
  const tls = () => {
    material ??= access.clientCertificate().then(({ certificate, key }) => ({ cert: certificate, key, ...(access.certificateAuthority && { ca: access.certificateAuthority }), rejectUnauthorized: !!access.certificateAuthority }));
    material.catch(() => {
      material = undefined;
    });
    return material;
  };
  return {
    async locate(read, name) {
      const node = await read.get(nodes, name);
      if (!node) throw notFoundError(nodes, name);
      const addresses = node.status?.addresses ?? [];
      const chosen = types.map((type) => addresses.find((a) => a.type === type)?.address).find(Boolean);
      if (!chosen) throw plainError(`no preferred addresses found; known addresses: [${addresses.map((a) => `{${a.type} ${a.address}}`).join(' ')}]`);
      return { secure: true, host: chosen, port: node.status?.daemonEndpoints?.kubeletEndpoint?.Port || defaultPort };
    },
    tls,
    agent() {
      agent ??= tls().then((t) => new Agent({ ...t, keepAlive: true, maxSockets: 64 }));
      agent.catch(() => {
        agent = undefined;
      });
      return agent;
    },
    close: () => void agent?.then((a) => a.destroy(), () => {}),
  };
}
