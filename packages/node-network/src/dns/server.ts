/** Cluster DNS: answers for the cluster's zone, forwards the rest to the machine's own resolvers. UDP and TCP. */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { endpointSlices, keyOf, namespaces, services } from '@pilothouse/apimachinery';
import { type Clock, type Runtime, Scope, UserError } from '@pilothouse/base';
import type { InformerFactory } from '@pilothouse/client';
import packet from 'dns-packet';
import { type ClusterView, type Question, type Record, resolveCluster, soa, type ZoneOptions } from './records.ts';

export interface DnsServerOptions {
  informers: InformerFactory;
  runtime: Runtime;
  address: string;
  /** 0: any free port. */
  port: number;
  /** Default `cluster.local`. */
  domain?: string;
  /** Default 30. */
  ttlSeconds?: number;
  /** Resolvers for other names, `host` or `host:port`; default those of /etc/resolv.conf. */
  upstreams?: readonly string[];
}

export interface DnsServer {
  address: string;
  port: number;
  close(): Promise<void>;
}

const forwardTimeoutMs = 2000;
const maxTcpConnections = 200;
const tcpLifeMs = 10_000;

/** Indexes informers for the resolver. */
export function clusterView(informers: InformerFactory): { view: ClusterView; whenSynced(): Promise<unknown> } {
  const serviceInformer = informers.informer(services);
  const sliceInformer = informers.informer(endpointSlices);
  const namespaceInformer = informers.informer(namespaces);
  serviceInformer.addIndex('clusterIP', (s) => (s.spec?.clusterIPs ?? []).filter((ip) => ip && ip !== 'None'));
  sliceInformer.addIndex('service', (s) => [`${s.metadata.namespace}/${s.metadata.labels?.['kubernetes.io/service-name'] ?? ''}`]);
  sliceInformer.addIndex('address', (s) => (s.endpoints ?? []).flatMap((e) => e.addresses ?? []));
  return {
    view: {
      service: (namespace, name) => serviceInformer.lister.get(keyOf({ metadata: { namespace, name } })),
      namespaceExists: (namespace) => namespaceInformer.lister.get(namespace) !== undefined,
      slices: (namespace, service) => sliceInformer.lister.byIndex('service', `${namespace}/${service}`),
      serviceByClusterIP: (address) => serviceInformer.lister.byIndex('clusterIP', address)[0],
      slicesByAddress: (address) => sliceInformer.lister.byIndex('address', address),
    },
    whenSynced: () => Promise.all([serviceInformer.whenSynced(), sliceInformer.whenSynced(), namespaceInformer.whenSynced()]),
  };
}

/** Name servers of the machine. */
export function systemResolvers(file = '/etc/resolv.conf'): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n').flatMap((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? []);
  } catch {
    return [];
  }
}

/** @throws UserError when the address cannot be listened on */
export async function startDnsServer(options: DnsServerOptions): Promise<DnsServer> {
  const { runtime } = options;
  const zone: ZoneOptions = { domain: (options.domain ?? 'cluster.local').toLowerCase(), ttlSeconds: options.ttlSeconds ?? 30 };
  const scope = new Scope('dns');
  const { view, whenSynced } = clusterView(options.informers);
  // Never forward to ourselves.
  const upstreams = (options.upstreams ?? systemResolvers()).filter((u) => u !== options.address && u !== `${options.address}:${options.port}`);
  await whenSynced();

  const handle = async (message: Buffer, limit: number): Promise<Buffer | undefined> => {
    let query: any;
    try {
      query = packet.decode(message);
    } catch {
      return undefined;
    }
    if (query.type !== 'query') return undefined;
    const asked = query.questions?.[0];
    if (!asked || query.opcode !== 'QUERY') return encode(query, { rcode: 4 });
    const question: Question = { name: asked.name.toLowerCase().replace(/\.$/, ''), type: asked.type };
    const found = resolveCluster(question, view, zone);
    if (!found) return forward(message, query, upstreams, runtime.clock);
    const answers = [...found.answers];
    // An alias is followed while it stays inside the zone, and then outside through the resolvers.
    for (let hops = 0; hops < 8 && answers.length && answers.at(-1)!.type === 'CNAME' && question.type !== 'CNAME'; hops++) {
      const target = String(answers.at(-1)!.data).toLowerCase();
      const next = resolveCluster({ name: target, type: question.type }, view, zone) ?? (await ask(target, question.type, upstreams, runtime.clock));
      if (!next?.answers.length) break;
      answers.push(...next.answers);
    }
    const authorities = answers.length ? [] : [soa(zone)];
    const full = encode(query, { rcode: found.rcode === 'NXDOMAIN' ? 3 : 0, answers, authorities, additionals: found.additionals, authoritative: true });
    return full.length <= limit ? full : encode(query, { rcode: 0, truncated: true, authoritative: true });
  };

  const udp = createSocket('udp4');
  udp.on('message', (message, from) => {
    const size = ednsSize(message);
    handle(message, size).then((answer) => answer && udp.send(answer, from.port, from.address), (error) => runtime.log.debug('DNS query failed', { err: error }));
  });
  await new Promise<void>((resolve, reject) => {
    udp.once('error', (error) => reject(new UserError(`Cannot serve DNS on ${options.address}:${options.port}/udp: ${error.message}`)));
    udp.bind(options.port, options.address, resolve);
  });
  udp.removeAllListeners('error').on('error', (error) => runtime.log.warn('DNS socket error', { err: error }));
  scope.defer(() => new Promise<void>((resolve) => udp.close(() => resolve())));
  const port = udp.address().port;

  const open = new Set<Socket>();
  const tcp = createServer((socket) => {
    open.add(socket);
    // However many queries it sends, a connection ends after a while.
    const limit = runtime.clock.after(tcpLifeMs, () => socket.destroy());
    socket.on('close', () => { limit.cancel(); open.delete(socket); }).on('error', () => socket.destroy());
    let pending: Buffer = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
        const length = pending.readUInt16BE(0);
        const message = pending.subarray(2, 2 + length);
        pending = pending.subarray(2 + length);
        handle(message, 65535).then((answer) => {
          if (!answer || socket.destroyed) return socket.destroy();
          const head = Buffer.alloc(2);
          head.writeUInt16BE(answer.length);
          return socket.write(Buffer.concat([head, answer]));
        }, () => socket.destroy());
      }
    });
  });
  tcp.maxConnections = maxTcpConnections;
  try {
    await new Promise<void>((resolve, reject) => {
      tcp.once('error', (error) => reject(new UserError(`Cannot serve DNS on ${options.address}:${port}/tcp: ${error.message}`)));
      tcp.listen(port, options.address, resolve);
    });
  } catch (error) {
    await scope.close();
    throw error;
  }
  scope.defer(() => new Promise<void>((resolve) => {
    for (const socket of open) socket.destroy();
    tcp.close(() => resolve());
  }));
  return { address: options.address, port, close: () => scope.close() };
}

interface Reply {
  rcode: number;
  answers?: Record[];
  authorities?: Record[];
  additionals?: Record[];
  authoritative?: boolean;
  truncated?: boolean;
}

function encode(query: any, reply: Reply): Buffer {
  const flags = reply.rcode | (reply.authoritative ? packet.AUTHORITATIVE_ANSWER : 0) | (reply.truncated ? packet.TRUNCATED_RESPONSE : 0) | (query.flags & packet.RECURSION_DESIRED) | packet.RECURSION_AVAILABLE;
  const opt = query.additionals?.find((a: any) => a.type === 'OPT');
  return packet.encode({
    type: 'response', id: query.id, flags, questions: query.questions,
    answers: (reply.answers ?? []) as any, authorities: (reply.authorities ?? []) as any,
    additionals: [...(reply.additionals ?? []), ...(opt ? [{ type: 'OPT', name: '.', udpPayloadSize: 1232, flags: 0, options: [], ednsVersion: 0, extendedRcode: 0, flag_do: false }] : [])] as any,
  });
}

/** How large an answer the client takes over UDP. */
function ednsSize(message: Buffer): number {
  try {
    const opt: any = packet.decode(message).additionals?.find((a) => a.type === 'OPT');
    return opt ? Math.min(Math.max(512, opt.udpPayloadSize), 4096) : 512;
  } catch {
    return 512;
  }
}

/** Hands the query on as it came; SERVFAIL when no resolver answers. */
async function forward(message: Buffer, query: any, upstreams: readonly string[], clock: Clock): Promise<Buffer> {
  for (const upstream of upstreams) {
    const answer = await exchange(message, upstream, clock);
    if (answer) return answer;
  }
  return encode(query, { rcode: 2 });
}

async function ask(name: string, type: string, upstreams: readonly string[], clock: Clock): Promise<{ answers: Record[] } | undefined> {
  const message = packet.encode({ type: 'query', id: 1, flags: packet.RECURSION_DESIRED, questions: [{ type: type as 'A', name }] });
  for (const upstream of upstreams) {
    const answer = await exchange(message, upstream, clock);
    if (answer) return { answers: (packet.decode(answer).answers ?? []) as unknown as Record[] };
  }
  return undefined;
}

function exchange(message: Buffer, upstream: string, clock: Clock): Promise<Buffer | undefined> {
  const [, host, port] = /^\[?([^\]]+?)\]?(?::(\d+))?$/.exec(upstream) ?? [];
  return new Promise((resolve) => {
    const socket: UdpSocket = createSocket(host?.includes(':') ? 'udp6' : 'udp4');
    const finish = (answer: Buffer | undefined) => {
      timer.cancel();
      socket.removeAllListeners().on('error', () => {});
      socket.close();
      resolve(answer);
    };
    const timer = clock.after(forwardTimeoutMs, () => finish(undefined));
    socket.on('error', () => finish(undefined));
    socket.on('message', (answer) => { if (answer.readUInt16BE(0) === message.readUInt16BE(0)) finish(answer); });
    socket.send(message, Number(port ?? 53), host, (error) => { if (error) finish(undefined); });
  });
}
