/** The ways to ask a container how it is: exec, HTTP, TCP, gRPC; and what lifecycle hooks share with them. */
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import type { ContainerPort, HTTPGetAction } from '@pilothouse/api-schemas/types/core/v1';
import type { Clock } from '@pilothouse/base';
import { type Cri, CriError } from '../cri/contract.ts';

/** `error`: the question could not be put; neither well nor ill. */
export interface Answer {
  result: 'success' | 'failure' | 'error';
  output: string;
}

const success = (output = ''): Answer => ({ result: 'success', output });
const failure = (output: string): Answer => ({ result: 'failure', output });

/** As much of a probe's output as is kept. */
const mostBytes = 10 * 1024;
const mostRedirects = 10;
export const userAgent = 'kube-probe/1.36';

/** Runs a command in the container; its exit status is the answer. */
export async function execAnswer(cri: Cri, containerId: string, command: readonly string[], timeoutSeconds: number): Promise<Answer> {
  try {
    const { stdout, stderr, exitCode } = await cri.call('ExecSync', { containerId, cmd: [...command], timeout: timeoutSeconds }, { timeoutMs: timeoutSeconds ? timeoutSeconds * 1000 + 60_000 : 24 * 3600 * 1000 });
    const output = Buffer.concat([stdout, stderr]).subarray(0, mostBytes).toString('utf8');
    return exitCode === 0 ? success(output) : failure(output);
  } catch (error) {
    if (error instanceof CriError && (error.code === 4 || /timeout .* exceeded/.test(error.desc))) return failure(`command timed out: ${JSON.stringify(command.join(' '))} timed out after ${timeoutSeconds}s`);
    return { result: 'error', output: (error as Error).message };
  }
}

/** A port by number, or by the name of one of the container's ports. @throws for a name it does not have */
export function portNumber(port: string | number, ports: readonly ContainerPort[] | undefined): number {
  const number = typeof port === 'number' ? port : /^\d+$/.test(port) ? Number(port) : ports?.find((p) => p.name === port)?.containerPort;
  if (number === undefined) throw new Error(`couldn't find port: ${JSON.stringify({ type: 1, strVal: port })}`);
  if (number < 1 || number > 65_535) throw new Error(`invalid port number: ${number}`);
  return number;
}

export interface HttpOptions {
  podIp: string;
  ports: readonly ContainerPort[] | undefined;
  timeoutMs: number;
  clock: Clock;
  /** Default that of probes. */
  userAgent?: string;
}

const hostText = (host: string) => (host.includes(':') ? `[${host}]` : host);

/** 200 to 399 are success; redirects are followed within the host. Certificates are not checked. */
export async function httpAnswer(action: HTTPGetAction, options: HttpOptions): Promise<Answer> {
  let url: URL;
  try {
    const scheme = (action.scheme ?? 'HTTP').toLowerCase();
    url = new URL(`${scheme}://${hostText(action.host || options.podIp)}:${portNumber(action.port, options.ports)}`);
    const path = action.path ?? '/';
    url = new URL(path.startsWith('/') ? `${url.origin}${path}` : `${url.origin}/${path}`);
  } catch (error) {
    return { result: 'error', output: (error as Error).message };
  }
  const first = url;
  const deadline = options.clock.monotonic() + options.timeoutMs;
  const problem = (why: string) => failure(`Get ${JSON.stringify(url.href)}: ${why}`);
  for (let i = 0; i <= mostRedirects; i++) {
    const answer = await get(url, action, options, deadline);
    if ('problem' in answer) return problem(answer.problem);
    const { status, location, body } = answer;
    if ([301, 302, 303, 307, 308].includes(status) && location) {
      const next = new URL(location, url);
      if (next.hostname !== first.hostname) return success(`Probe terminated redirects, Response body: ${body}`);
      url = next;
      continue;
    }
    return status >= 200 && status < 400 ? success(body) : failure(`HTTP probe failed with statuscode: ${status}`);
  }
  return problem(`stopped after ${mostRedirects} redirects`);
}

type Got = { status: number; location?: string; body: string } | { problem: string };

function get(url: URL, action: HTTPGetAction, options: HttpOptions, deadline: number): Promise<Got> {
  return new Promise((resolve) => {
    const headers: Record<string, string> = { accept: '*/*', 'user-agent': options.userAgent ?? userAgent, connection: 'close', host: url.host };
    for (const { name, value } of action.httpHeaders ?? []) {
      const key = name.toLowerCase();
      // An empty value takes a header of ours away.
      if ((key === 'accept' || key === 'user-agent') && value === '') delete headers[key];
      else headers[key] = value;
    }
    // Small servers in containers end lines as they like; a probe is not to be the judge of that.
    const module = url.protocol === 'https:' ? https : http;
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const request = module.request({ host, port: url.port, path: url.pathname + url.search, headers, agent: false, rejectUnauthorized: false, setHost: false, insecureHTTPParser: true } as https.RequestOptions);
    const timer = options.clock.after(Math.max(0, deadline - options.clock.monotonic()), () => request.destroy(new Error('context deadline exceeded (Client.Timeout exceeded while awaiting headers)')));
    const done = (got: Got) => {
      timer.cancel();
      request.destroy();
      resolve(got);
    };
    request.on('error', (error: NodeJS.ErrnoException) => done({ problem: networkProblem(error, `${hostText(host)}:${url.port || (url.protocol === 'https:' ? 443 : 80)}`) }));
    request.on('response', (response) => {
      let body = Buffer.alloc(0);
      const end = () => done({ status: response.statusCode ?? 0, location: response.headers.location, body: body.toString('utf8') });
      response.on('data', (chunk: Buffer) => {
        body = Buffer.concat([body, chunk]).subarray(0, mostBytes);
        if (body.length >= mostBytes) end();
      });
      response.on('end', end);
      response.on('error', end);
    });
    request.end();
  });
}

/** What Go says of the same failures. */
function networkProblem(error: NodeJS.ErrnoException, address: string): string {
  if (error.code === 'ECONNREFUSED') return `dial tcp ${address}: connect: connection refused`;
  if (error.code === 'EHOSTUNREACH') return `dial tcp ${address}: connect: no route to host`;
  if (error.code === 'ENETUNREACH') return `dial tcp ${address}: connect: network is unreachable`;
  if (error.code === 'ECONNRESET') return 'EOF';
  if (/wrong version number|packet length too long|http request/i.test(error.message)) return 'http: server gave HTTP response to HTTPS client';
  return error.message;
}

export function tcpAnswer(host: string, port: number, { timeoutMs, clock }: { timeoutMs: number; clock: Clock }): Promise<Answer> {
  const address = `${hostText(host)}:${port}`;
  return new Promise((resolve) => {
    const socket = net.connect({ host, port });
    const done = (answer: Answer) => {
      timer.cancel();
      socket.destroy();
      resolve(answer);
    };
    const timer = clock.after(timeoutMs, () => done(failure(`dial tcp ${address}: i/o timeout`)));
    socket.on('connect', () => done(success()));
    socket.on('error', (error) => done(failure(networkProblem(error, address))));
  });
}

const healthPath = '/grpc.health.v1.Health/Check';
const servingStatus = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];

/** grpc.health.v1: its two messages have one field each, which are written by hand. */
export async function grpcAnswer(host: string, port: number, service: string, { timeoutMs, clock }: { timeoutMs: number; clock: Clock }): Promise<Answer> {
  const grpc = await import('../cri/grpc.ts');
  const address = `${hostText(host)}:${port}`;
  const client = new grpc.Client(address, grpc.credentials.createInsecure(), { 'grpc.primary_user_agent': userAgent });
  const name = Buffer.from(service);
  const encode = () => (name.length ? Buffer.concat([Buffer.from([0x0a, name.length]), name]) : Buffer.alloc(0));
  const decode = (bytes: Buffer) => (bytes[0] === 0x08 ? bytes[1] : 0);
  try {
    return await new Promise<Answer>((resolve) => {
      client.makeUnaryRequest(healthPath, encode, decode, {}, new grpc.Metadata(), { deadline: new Date(clock.now() + timeoutMs) }, (error, status) => {
        if (!error) return resolve(status === 1 ? success() : failure(`service unhealthy (responded with ${JSON.stringify(servingStatus[status ?? 0] ?? String(status))})`));
        if (error.code === 12) return resolve(failure('this server does not implement the grpc health protocol (grpc.health.v1.Health)'));
        if (error.code === 4) return resolve(failure(`timeout: health rpc did not complete within ${timeoutMs / 1000}s`));
        if (error.code === 14) return resolve(failure(`timeout: failed to connect service ${JSON.stringify(address)} within ${timeoutMs / 1000}s: context deadline exceeded`));
        resolve(failure(`error: health rpc probe failed: ${error.message}`));
      });
    });
  } finally {
    client.close();
  }
}
