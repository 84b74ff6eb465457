/** Connections to the servers behind APIServices: who they must be, and as whom they are asked. */
import { Agent } from 'node:https';
import type { APIService } from '@pilothouse/api-schemas/types/apiregistration/v1';
import { endpointSlices, goQuote, services } from '@pilothouse/apimachinery';
import type { Runtime } from '@pilothouse/base';
import type { ObjectReader } from '../contract.ts';
import type { TlsMaterial } from '../proxy/kubelet.ts';
import type { Target } from '../proxy/target.ts';
import { clusterAddress, endpointAddress } from './resolve.ts';

/** The front proxy's client certificate and key, PEM. */
export interface ProxyIdentity {
  certificate: string;
  key: string;
}

export interface BackendOptions {
  read: ObjectReader;
  /** Read again from time to time, so that a renewed certificate is taken up. */
  identity: () => Promise<ProxyIdentity>;
  /** `--enable-aggregator-routing`: endpoints are asked rather than the service's address. Default false. */
  toEndpoints?: boolean;
  /** Where this server listens itself: what `default/kubernetes` stands for. */
  self?: () => { host: string; port: number } | undefined;
}

export interface Backend {
  target: Target;
  tls: TlsMaterial;
  agent: Agent;
}

export interface Backends {
  /** @throws Error in upstream's words where the service leads nowhere */
  locate(service: APIService): Promise<Target>;
  /** @throws Error as `locate` */
  backendOf(service: APIService): Promise<Backend>;
  /** Closes the connections of an APIService that is gone. */
  forget(name: string): void;
  close(): void;
}

const identityLifeMs = 60_000;

export const serviceOf = ({ spec }: APIService): { namespace: string; name: string; port: number } => ({ namespace: spec!.service!.namespace!, name: spec!.service!.name!, port: spec!.service!.port ?? 443 });

export function backends({ clock, random }: Pick<Runtime, 'clock' | 'random'>, { read, identity, toEndpoints, self }: BackendOptions): Backends {
  const agents = new Map<string, { key: string; tls: TlsMaterial; agent: Agent }>();
  let held: { at: number; identity: Promise<ProxyIdentity> } | undefined;
  const currentIdentity = (): Promise<ProxyIdentity> => {
    const now = clock.monotonic();
    if (!held || now - held.at > identityLifeMs) {
      const asked = { at: now, identity: identity() };
      asked.identity.catch(() => {
        if (held === asked) held = undefined;
      });
      held = asked;
    }
    return held.identity;
  };

  async function locate(api: APIService): Promise<Target> {
    const { namespace, name, port } = serviceOf(api);
    const own = namespace === 'default' && name === 'kubernetes' && port === 443 ? self?.() : undefined;
    if (own) return { secure: true, ...own };
    const service = await read.get(services, name, namespace);
    if (!service) throw new Error(`service ${goQuote(name)} not found`);
    if (!toEndpoints) return { secure: true, ...clusterAddress(service, port) };
    const slices = (await read.list(endpointSlices, namespace)).filter((slice) => slice.metadata.labels?.['kubernetes.io/service-name'] === name);
    return { secure: true, ...endpointAddress(service, slices, port, random) };
  }

  return {
    locate,
    async backendOf(api) {
      const { certificate, key } = await currentIdentity();
      const { namespace, name } = serviceOf(api);
      const { caBundle, insecureSkipTLSVerify } = api.spec!;
      const tls: TlsMaterial = { cert: certificate, key, servername: `${name}.${namespace}.svc`, rejectUnauthorized: !insecureSkipTLSVerify, ...(caBundle && { ca: Buffer.from(caBundle, 'base64').toString() }) };
      const identityKey = JSON.stringify(tls);
      let known = agents.get(api.metadata.name!);
      if (known?.key !== identityKey) {
        // What runs over the old connections may end there.
        known = { key: identityKey, tls, agent: new Agent({ ...tls, keepAlive: true, maxFreeSockets: 25 }) };
        agents.set(api.metadata.name!, known);
      }
      return { target: await locate(api), tls: known.tls, agent: known.agent };
    },
    forget(name) {
      agents.get(name)?.agent.destroy();
      agents.delete(name);
    },
    close() {
      for (const { agent } of agents.values()) agent.destroy();
      agents.clear();
    },
  };
}
