/** The kubelet's server on :10250: logs, exec, attach, port-forward, pods, stats, metrics, health. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import https from 'node:https';
import type { Duplex } from 'node:stream';
import { messageOf, type Runtime, UserError } from '@pilothouse/base';
import type { Client } from '@pilothouse/client';
import { CriError } from '../cri/contract.ts';
import type { SimulatedRuntime } from '../cri/simulated/runtime.ts';
import type { KubeletServerOptions } from '../options.ts';
import type { NodeContext } from '../pods/context.ts';
import type { PodManager } from '../pods/pod-manager.ts';
import type { PodWorker } from '../pods/worker.ts';
import { createGate } from './auth.ts';
import { logTarget } from './container-logs.ts';
import { logOptions, readLog } from './logs.ts';
import { nodeLog } from './node-logs.ts';
import { selfSigned } from './serving-cert.ts';
import { kubeletMetrics, resourceMetrics, type SimulatedUsage, statsSummary } from './stats.ts';
import { command, containerFor, portForward, type Refused } from './streams.ts';

/** A node that the server answers for; a process of hollow nodes has many behind one server. */
export interface ServedNode {
  context: NodeContext;
  manager: PodManager;
}

export interface ServerInputs {
  client: Client;
  runtime: Runtime;
  /** All nodes behind the server, the one first whose name rights are asked for. */
  nodes(): Iterable<ServedNode>;
  nodeNames(): readonly string[];
  addresses: readonly string[];
  options: KubeletServerOptions;
  /** Of nodes that simulate their containers. */
  simulated?: SimulatedUsage;
}

export interface KubeletServer {
  port: number;
  close(): Promise<void>;
}

interface Found extends ServedNode {
  worker: PodWorker;
}

export async function startKubeletServer(inputs: ServerInputs): Promise<KubeletServer> {
  const { runtime, options, client } = inputs;
  const { clock, log } = runtime;
  const pair = options.cert && options.key ? { cert: options.cert, key: options.key } : await selfSigned({ names: inputs.nodeNames().slice(0, 1), addresses: inputs.addresses, nowMs: clock.now(), serial: runtime.random.bytes(8) });
  const gate = createGate({ client, clock, nodeNames: inputs.nodeNames, anonymousAuth: options.anonymousAuth ?? false, mode: options.authorizationMode ?? 'Webhook' });
  const server = https.createServer({ ...pair, requestCert: true, rejectUnauthorized: false, ...(options.clientCa && { ca: options.clientCa }), minVersion: 'TLSv1.2' });
  const sockets = new Set<Duplex>();
  const stopping = new AbortController();
  server.on('secureConnection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
  });

  const find = (namespace: string, name: string): Found | undefined => {
    for (const node of inputs.nodes()) {
      const worker = node.manager.find(namespace, name);
      if (worker) return { ...node, worker };
    }
    return undefined;
  };
  const first = (): ServedNode | undefined => inputs.nodes()[Symbol.iterator]().next().value;
  const text = (response: ServerResponse, status: number, body: string, type = 'text/plain; charset=utf-8') => {
    response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
    response.end(body);
  };
  const json = (response: ServerResponse, body: unknown) => text(response, 200, JSON.stringify(body), 'application/json');

  async function containerLogs(request: IncomingMessage, response: ServerResponse, [namespace, name, container]: string[], query: URLSearchParams): Promise<void> {
    const found = find(namespace, name);
    if (!found) return text(response, 404, `pod ${JSON.stringify(name)} does not exist\n`);
    let wanted: ReturnType<typeof logOptions>;
    try {
      wanted = logOptions(query, clock.now());
    } catch (error) {
      return text(response, 422, messageOf(error));
    }
    const { context, worker } = found;
    const target = logTarget(context, worker, container, wanted.previous);
    if ('status' in target) return text(response, target.status, target.text);
    const gone = new AbortController();
    request.on('close', () => gone.abort(new Error('the client went away')));
    response.on('close', () => gone.abort(new Error('the client went away')));
    response.writeHead(200, { 'content-type': 'text/plain', 'transfer-encoding': 'chunked' });
    response.flushHeaders();
    if (context.simulated) {
      const lines = (context.cri as SimulatedRuntime).logLines(target.containerId).filter((l) => wanted.sinceMs === undefined || l.timeMs >= wanted.sinceMs);
      const kept = wanted.tailLines === undefined ? lines : lines.slice(Math.max(0, lines.length - wanted.tailLines));
      const body = Buffer.from(kept.map((l) => `${wanted.timestamps ? `${new Date(l.timeMs).toISOString().replace('Z', '000000Z')} ` : ''}${l.text}\n`).join(''));
      response.end(body.subarray(0, wanted.limitBytes ?? body.length));
      return;
    }
    const running = async () => {
      const { status } = await context.cri.call('ContainerStatus', { containerId: target.containerId });
      return status?.state === 'CONTAINER_RUNNING' || status?.state === 'CONTAINER_CREATED';
    };
    try {
      for await (const piece of readLog(target.logPath, wanted, { clock, running: () => running().catch(() => false), signal: gone.signal })) {
        if (gone.signal.aborted) break;
        if (!response.write(piece)) await new Promise<void>((resolve) => response.once('drain', resolve).once('close', resolve));
      }
    } catch (error) {
      log.warn('Reading a container log failed', { path: target.logPath, err: messageOf(error) });
    }
    response.end();
  }

  /** `ns/pod/container` or `ns/pod/uid/container`. */
  const podPath = (parts: string[], withContainer: boolean) => {
    const [namespace, name, a, b] = parts;
    return withContainer ? { namespace, name, container: b ?? a } : { namespace, name, container: '' };
  };

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'https://kubelet');
    const refused = await gate.check(request, url.pathname);
    if (refused) return text(response, refused.status, refused.text);
    const [, top, ...parts] = url.pathname.split('/').map(decodeURIComponent);
    const node = first();
    if (top === 'healthz') return text(response, 200, 'ok');
    if (!node) return text(response, 503, 'no node is running');
    switch (top) {
      case 'pods':
        return json(response, { kind: 'PodList', apiVersion: 'v1', metadata: {}, items: [...inputs.nodes()].flatMap((n) => [...n.manager.workers()].map((w) => ({ ...w.pod, status: n.context.status.get(w.pod.metadata.uid!) ?? w.pod.status }))) });
      case 'runningpods':
        return json(response, { kind: 'PodList', apiVersion: 'v1', metadata: {}, items: [...inputs.nodes()].flatMap((n) => [...n.manager.workers()].filter((w) => w.seen.containers.some((c) => c.state === 'running')).map((w) => ({ metadata: { name: w.pod.metadata.name, namespace: w.pod.metadata.namespace, uid: w.pod.metadata.uid }, spec: { containers: w.seen.containers.filter((c) => c.state === 'running').map((c) => ({ name: c.name, image: c.image, resources: {} })) }, status: {} }))) });
      case 'containerLogs':
        if (parts.length === 3) return containerLogs(request, response, parts, url.searchParams);
        break;
      case 'exec':
      case 'attach':
      case 'portForward':
        return text(response, 400, 'unable to upgrade: missing upgrade headers in request');
      case 'run':
        return run(response, podPath(parts, true), url.searchParams);
      case 'stats':
        if (parts[0] === 'summary') return json(response, await statsSummary([...inputs.nodes()], inputs.simulated));
        break;
      case 'metrics':
        if (!parts.length) return text(response, 200, kubeletMetrics(node.manager), 'text/plain; version=0.0.4; charset=utf-8');
        if (parts[0] === 'resource') return text(response, 200, await resourceMetrics([...inputs.nodes()], inputs.simulated), 'text/plain; version=0.0.4; charset=utf-8');
        break;
      case 'configz':
        return json(response, { kubeletconfig: configz(node.context, options) });
      case 'logs': {
        const found = nodeLog(parts);
        if (!found) break;
        if ('listing' in found) return text(response, 200, found.listing, 'text/html; charset=utf-8');
        return found.stream(response);
      }
    }
    text(response, 404, '404 page not found\n');
  }

  async function run(response: ServerResponse, path: { namespace: string; name: string; container: string }, query: URLSearchParams): Promise<void> {
    const found = find(path.namespace, path.name);
    const target = containerFor(found?.worker, path.container);
    if ('status' in target) return text(response, target.status, target.text);
    try {
      const { stdout, stderr, exitCode } = await found!.context.cri.call('ExecSync', { containerId: target.id, cmd: (query.get('cmd') ?? '').split(' '), timeout: 0 });
      const body = Buffer.concat([Buffer.from(stdout), Buffer.from(stderr)]).toString('utf8');
      if (exitCode === 0) text(response, 200, body);
      else text(response, 500, `command '${query.get('cmd')}' exited with ${exitCode}: ${body}`);
    } catch (error) {
      text(response, 500, error instanceof CriError ? error.desc : messageOf(error));
    }
  }

  async function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<Refused | undefined> {
    const url = new URL(request.url ?? '/', 'https://kubelet');
    const refused = await gate.check(request, url.pathname);
    if (refused) return refused;
    const [, top, ...parts] = url.pathname.split('/').map(decodeURIComponent);
    if (top !== 'exec' && top !== 'attach' && top !== 'portForward' && top !== 'cri') return { status: 404, text: '404 page not found' };
    const path = podPath(parts, top !== 'portForward');
    const found = find(path.namespace, path.name);
    if (!found) return { status: 404, text: 'pod does not exist' };
    if (top === 'portForward') return portForward(found.context, found.worker, request, socket, head);
    const target = containerFor(found.worker, path.container);
    if ('status' in target) return target;
    return command(found.context, top as 'exec', target, request, socket, head, url.searchParams);
  }

  server.on('request', (request, response) => {
    void handle(request, response).catch((error) => {
      log.error('A request failed', { url: request.url, err: messageOf(error) });
      if (!response.headersSent) text(response, 500, messageOf(error));
      else response.destroy();
    });
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => undefined);
    void upgrade(request, socket, head)
      .then((refused) => refused && refuse(socket, refused))
      .catch((error) => refuse(socket, { status: 500, text: messageOf(error) }));
  });

  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(error.code === 'EADDRINUSE' || error.code === 'EADDRNOTAVAIL' ? new UserError(`the kubelet cannot listen on ${options.address ?? '0.0.0.0'}:${options.port ?? 10250}: ${error.code}`) : error));
    server.listen(options.port ?? 10250, options.address ?? '0.0.0.0', () => resolve());
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    async close() {
      stopping.abort();
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

const refuse = (socket: Duplex, { status, text }: Refused) => {
  if (socket.destroyed || socket.writableEnded) return;
  socket.end(`HTTP/1.1 ${status} ${status === 404 ? 'Not Found' : status === 403 ? 'Forbidden' : status === 401 ? 'Unauthorized' : status === 400 ? 'Bad Request' : 'Error'}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
};

/** What of KubeletConfiguration is in force. */
const configz = ({ settings }: NodeContext, options: KubeletServerOptions) => ({
  address: options.address ?? '0.0.0.0',
  port: options.port ?? 10250,
  authentication: { anonymous: { enabled: options.anonymousAuth ?? false }, webhook: { enabled: true, cacheTTL: '2m0s' } },
  authorization: { mode: options.authorizationMode ?? 'Webhook', webhook: { cacheAuthorizedTTL: '5m0s', cacheUnauthorizedTTL: '30s' } },
  clusterDomain: settings.clusterDomain,
  clusterDNS: settings.clusterDns,
  cgroupRoot: settings.cgroupRoot,
  cgroupDriver: 'cgroupfs',
  maxPods: 110,
  podLogsDir: settings.podLogsDir,
  nodeStatusUpdateFrequency: '10s',
  nodeStatusReportFrequency: '5m0s',
  nodeLeaseDurationSeconds: 40,
  serializeImagePulls: true,
  kind: 'KubeletConfiguration',
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
});
