/** Asks the kubelets. */
import type { Node } from '@pilothouse/api-schemas/types/core/v1';
import { messageOf, type Runtime } from '@pilothouse/base';
import { Agent } from 'undici';
import { type Measurements, parseMeasurements } from './parse.ts';

export interface KubeletAccess {
  /** Client certificate and key, PEM, or a bearer token that is read for each round. */
  certificate?: string;
  key?: string;
  token?(): Promise<string | undefined>;
  /** Authorities of the kubelets' certificates, PEM; absent: they are not checked. */
  certificateAuthority?: string;
}

export interface Scraper {
  /** Asks all; those that do not answer are logged and left out. Never rejects. */
  round(nodes: readonly Node[], signal: AbortSignal): Promise<Measurements>;
  close(): Promise<void>;
}

const mostAtOnce = 32;
const timeoutMs = 10_000;
const preferred = ['InternalIP', 'ExternalIP', 'Hostname'];

/** Where a node's kubelet listens: `127.0.0.1:10250`. Undefined: nobody says. */
export function kubeletOrigin({ status }: Node): string | undefined {
  const port = status?.daemonEndpoints?.kubeletEndpoint?.Port;
  const host = preferred.map((type) => status?.addresses?.find((a) => a.type === type)?.address).find(Boolean);
  return port && host ? `https://${host.includes(':') ? `[${host}]` : host}:${port}` : undefined;
}

export function createScraper({ clock, log }: Runtime, access: KubeletAccess): Scraper {
  const { certificate: cert, key, certificateAuthority: ca } = access;
  const agent = new Agent({ connect: { cert, key, ca, rejectUnauthorized: ca !== undefined }, headersTimeout: timeoutMs, bodyTimeout: timeoutMs, keepAliveTimeout: 60_000 });

  async function ask(origin: string, authorization: string | undefined, signal: AbortSignal): Promise<string> {
    const { statusCode, body } = await agent.request({ origin, path: '/metrics/resource', method: 'GET', headers: authorization ? { authorization } : {}, signal });
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`${statusCode}: ${text.slice(0, 200)}`);
    return text;
  }

  return {
    async round(nodes, signal) {
      // Hollow nodes share one server, which speaks for all of them.
      const origins = Map.groupBy(nodes.filter((node) => kubeletOrigin(node)), (node) => kubeletOrigin(node)!);
      const token = await access.token?.().catch(() => undefined);
      const found: Measurements = { nodes: new Map(), pods: new Map() };
      const waiting = [...origins];
      await Promise.all(Array.from({ length: Math.min(mostAtOnce, waiting.length) }, async () => {
        for (let next = waiting.shift(); next; next = waiting.shift()) {
          const [origin, behind] = next;
          try {
            const measured = parseMeasurements(await ask(origin, token && `Bearer ${token}`, signal), clock.now());
            for (const [name, point] of measured.nodes) found.nodes.set(name || behind[0].metadata.name!, point);
            for (const [pod, points] of measured.pods) found.pods.set(pod, points);
          } catch (error) {
            if (!signal.aborted) log.warn('Failed to scrape node', { node: behind[0].metadata.name, err: messageOf(error) });
          }
        }
      }));
      return found;
    },
    close: () => agent.close(),
  };
}
