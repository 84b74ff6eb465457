/** Calls to webhooks: where they are, and how they are trusted. */
import { request as httpsRequest } from 'node:https';
import { endpointSlices, goQuote, parseStored, services } from '@pilothouse/apimachinery';
import type { Runtime } from '@pilothouse/base';
import type { ObjectReader } from '../contract.ts';
import { dialError } from '../proxy/target.ts';

/** As webhook configurations and definitions say it: a URL, or a service. */
export interface WebhookTarget {
  url?: string;
  service?: { namespace: string; name: string; path?: string; port?: number };
  /** PEM, base64; absent: the system's authorities. */
  caBundle?: string;
}

/** Posts the JSON and reads JSON. Rejects with why it could not, in Go's words where upstream has them. */
export type CallWebhook = (target: WebhookTarget, body: object, options: { timeoutMs: number }) => Promise<unknown>;

interface Address {
  /** As messages name it. */
  url: string;
  host: string;
  port: number;
  path: string;
  serverName: string;
}

/** An answer is read up to this size. */
const mostBytes = 32 * 1024 * 1024;

export const webhookCaller = ({ random }: Pick<Runtime, 'random'>, read: ObjectReader): CallWebhook =>
  async (target, body, { timeoutMs }) => {
    const address = await addressOf(target, read, random, timeoutMs);
    return post(address, target.caBundle, Buffer.from(JSON.stringify(body)), timeoutMs);
  };

async function addressOf({ url, service }: WebhookTarget, read: ObjectReader, random: Runtime['random'], timeoutMs: number): Promise<Address> {
  const query = `timeout=${Math.ceil(timeoutMs / 1_000)}s`;
  if (url) {
    const parsed = new URL(url);
    return { url: `${url}?${query}`, host: parsed.hostname.replace(/^\[|\]$/g, ''), port: Number(parsed.port || 443), path: `${parsed.pathname}?${query}`, serverName: parsed.hostname.replace(/^\[|\]$/g, '') };
  }
  if (!service) throw new Error('webhook configuration must have either service or URL');
  const { namespace, name, path = '/', port = 443 } = service;
  const serverName = `${name}.${namespace}.svc`;
  const named = { url: `https://${serverName}:${port}${path}?${query}`, path: `${path}?${query}`, serverName };
  const found = await read.get(services, name, namespace);
  if (!found) throw new Error(`service ${goQuote(name)} not found`);
  if (found.spec?.type === 'ExternalName') return { ...named, host: found.spec.externalName ?? '', port };
  const servicePort = found.spec?.ports?.find((one) => one.port === port);
  if (!servicePort) throw new Error(`no service port ${port} found for service ${goQuote(name)}`);
  const slices = (await read.list(endpointSlices, namespace)).filter((slice) => slice.metadata.labels?.['kubernetes.io/service-name'] === name);
  const ready = slices.flatMap((slice) => {
    const own = slice.ports?.find((one) => (one.name ?? '') === (servicePort.name ?? ''));
    return own?.port ? (slice.endpoints ?? []).filter((endpoint) => endpoint.conditions?.ready !== false).flatMap((endpoint) => endpoint.addresses.map((host) => ({ host, port: own.port! }))) : [];
  });
  if (!ready.length) throw new Error(`no endpoints available for service ${goQuote(name)}`);
  return { ...named, ...ready[random.below(ready.length)] };
}

function post({ url, host, port, path, serverName }: Address, caBundle: string | undefined, body: Buffer, timeoutMs: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: unknown): void => reject(new Error(`Post ${goQuote(url)}: ${why}`, { cause }));
    const request = httpsRequest({ host, port, path, method: 'POST', servername: /^[\d.]+$|:/.test(serverName) ? '' : serverName, timeout: timeoutMs, headers: { host: serverName, 'content-type': 'application/json', accept: 'application/json', 'content-length': body.length }, ...(caBundle && { ca: Buffer.from(caBundle, 'base64') }) }, (response) => {
      const pieces: Buffer[] = [];
      let size = 0;
      response.on('data', (piece: Buffer) => {
        size += piece.length;
        if (size > mostBytes) request.destroy(new Error('the answer is too large'));
        else pieces.push(piece);
      });
      response.on('error', (error) => fail(error.message, error));
      response.on('end', () => {
        const text = Buffer.concat(pieces).toString();
        const status = response.statusCode ?? 0;
        if (status < 200 || status > 299) return reject(new Error(`the server responded with the status code ${status}`));
        try {
          resolve(parseStored(text));
        } catch (error) {
          reject(new Error(`couldn't get version/kind; json parse error: ${(error as Error).message}`, { cause: error }));
        }
      });
    });
    request.on('timeout', () => request.destroy(new Error('context deadline exceeded')));
    request.on('error', (error) => fail(dialError({ secure: true, host, port }, error), error));
    request.end(body);
  });
}
