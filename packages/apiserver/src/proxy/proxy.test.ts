import type { Server } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, connect, createServer as createTcp, type Socket } from 'node:net';
import { type ApiResponse, endpointSlices, nodes, pods, services } from '@pilothouse/apimachinery';
import { realRandom, realRuntime } from '@pilothouse/base';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type MemoryObjects, memoryObjects } from '../auth/testing.ts';
import type { ConnectContext } from '../contract.ts';
import { issueAuthority, issueCertificate } from '../pki/issue.ts';
import { rewriteLinks } from './html.ts';
import { connectHandlers, type Kubelets, kubelets } from './index.ts';
import { splitSchemeNamePort } from './target.ts';
import { throughProxy } from './forward.ts';

let objects: MemoryObjects;
let access: Kubelets;
let kubelet: Server;
let port: number;
const closers: (() => void)[] = [];

const listen = (server: { listen(port: number, host: string, ready: () => void): unknown; address(): unknown }) => new Promise<number>((resolve) => void server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)));

beforeEach(async () => {
  const life = { notBefore: Date.now() - 1000, notAfter: Date.now() + 3600_000 };
  const ca = await issueAuthority('kubernetes', life, realRandom);
  const serving = await issueCertificate(ca, { commonName: 'n', usages: ['server'], addresses: ['127.0.0.1'] }, life, realRandom);
  const client = await issueCertificate(ca, { commonName: 'kube-apiserver-kubelet-client', organizations: ['system:masters'], usages: ['client'] }, life, realRandom);
  kubelet = createHttps({ cert: serving.certificate, key: serving.key, ca: ca.certificate, requestCert: true, rejectUnauthorized: true }) as unknown as Server;
  port = await listen(kubelet);
  access = kubelets({ clientCertificate: async () => client, certificateAuthority: ca.certificate });
  objects = memoryObjects();
  objects.put(nodes, { metadata: { name: 'n' }, status: { addresses: [{ type: 'InternalIP', address: '127.0.0.1' }], daemonEndpoints: { kubeletEndpoint: { Port: port } } } });
  objects.put(pods, { metadata: { name: 'p', namespace: 'a' }, spec: { nodeName: 'n', containers: [{ name: 'c' }] } });
  objects.put(pods, { metadata: { name: 'many', namespace: 'a' }, spec: { nodeName: 'n', containers: [{ name: 'c' }, { name: 'd' }], initContainers: [{ name: 'i' }] } });
  objects.put(pods, { metadata: { name: 'nowhere', namespace: 'a' }, spec: { containers: [{ name: 'c' }] } });
});
afterEach(() => {
  access.close();
  kubelet.closeAllConnections();
  kubelet.close();
  for (const close of closers.splice(0)) close();
});

function ask(plural: string, subresource: string, name: string, more: { query?: string; path?: string; headers?: Record<string, string>; method?: string; body?: Uint8Array } = {}): Promise<ApiResponse> {
  const handler = connectHandlers(access).find((h) => h.plural === plural && h.subresource === subresource)!;
  const namespace = plural === 'nodes' ? '' : 'a';
  const url = `/api/v1${namespace && `/namespaces/${namespace}`}/${plural}/${name}/${subresource}${more.path ?? ''}${more.query ? `?${more.query}` : ''}`;
  const context: ConnectContext = { ...realRuntime(), request: { method: more.method ?? 'GET', url, headers: more.headers ?? {}, body: more.body, signal: new AbortController().signal }, user: { name: 'jane', groups: [] }, namespace, name, path: more.path ?? '', query: new URLSearchParams(more.query), read: objects, admit: async () => {} };
  return handler.connect(context);
}

async function text(response: ApiResponse): Promise<string> {
  const pieces: Buffer[] = [];
  if (response.body instanceof Uint8Array) return Buffer.from(response.body).toString();
  for await (const piece of response.body as AsyncIterable<Uint8Array>) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces).toString();
}

test('a log comes from the kubelet, which sees the API server\'s certificate and its own names', async () => {
  let seen: unknown;
  kubelet.on('request', (request, response) => {
    seen = { url: request.url, who: (request.socket as any).getPeerCertificate().subject.CN };
    response.end('a\nb\n');
  });
  const answer = await ask('pods', 'log', 'p', { query: 'tailLines=1&follow=true&timestamps=false' });
  expect([answer.status, answer.headers['content-type'], await text(answer)]).toEqual([200, 'text/plain', 'a\nb\n']);
  expect(seen).toEqual({ url: '/containerLogs/a/p/c?follow=true&tailLines=1', who: 'kube-apiserver-kubelet-client' });
  expect((await ask('pods', 'log', 'nowhere')).status).toBe(204);
});

test('what cannot be logged or executed is refused with upstream\'s words', async () => {
  const cases: [string, string, string, string][] = [
    ['log', 'none', '', 'pods "none" not found'],
    ['log', 'p', 'container=x', 'container x is not valid for pod p'],
    ['log', 'many', '', 'a container name must be specified for pod many, choose one of: [i c d]'],
    ['log', 'p', 'tailLines=-1', 'PodLogOptions "p" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0'],
    ['log', 'p', 'sinceSeconds=0', 'PodLogOptions "p" is invalid: sinceSeconds: Invalid value: 0: must be greater than 0'],
    ['log', 'p', 'limitBytes=0', 'PodLogOptions "p" is invalid: limitBytes: Invalid value: 0: must be greater than 0'],
    ['log', 'p', 'sinceSeconds=1&sinceTime=2024-01-01T00:00:00Z', 'PodLogOptions "p" is invalid: []: Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified'],
    ['exec', 'nowhere', 'command=ls', 'pod nowhere does not have a host assigned'],
    ['portforward', 'nowhere', '', 'pod nowhere does not have a host assigned'],
    ['portforward', 'p', 'ports=x', 'cannot convert to []int32: strconv.ParseUint: parsing "x": invalid syntax'],
    ['portforward', 'p', 'ports=80,70000', 'cannot convert to []int32: strconv.ParseUint: parsing "70000": value out of range'],
    ['exec', 'p', 'command=ls', 'Upgrade request required'],
    ['proxy', 'p', '', 'address not allowed'],
  ];
  for (const [subresource, name, query, message] of cases) await expect(ask('pods', subresource, name, { query }), message).rejects.toThrow(message);
  kubelet.on('request', (_request, response) => {
    response.statusCode = 400;
    response.end('previous terminated container "c" in pod "p" not found');
  });
  await expect(ask('pods', 'log', 'p', { query: 'previous=true' })).rejects.toThrow('previous terminated container "c" in pod "p" not found');
});

test.each([
  [401, 'Unauthorized', 'the server has asked for the client to provide credentials ( pods p)'],
  [403, 'Forbidden', 'words ( pods p)'],
  [422, 'Invalid', 'the server rejected our request due to an error in our request ( pods p)'],
  [418, 'Unknown', 'the server responded with the status code 418 but did not return more information ( pods p)'],
  [502, 'InternalError', 'an error on the server ("words") has prevented the request from succeeding ( pods p)'],
  [500, 'InternalError', 'Internal error occurred: words'],
])('a kubelet that answers a log with %i is passed on as %s', async (code, reason, message) => {
  kubelet.removeAllListeners('request');
  kubelet.on('request', (_request, response) => {
    response.statusCode = code;
    response.end('words');
  });
  await expect(ask('pods', 'log', 'p')).rejects.toMatchObject({ status: { code, reason, message } });
});

test('an upgraded connection carries bytes unchanged in both directions', async () => {
  let head = '';
  kubelet.on('upgrade', (request, socket: Socket, first) => {
    head = `${request.method} ${request.url} ${request.headers['x-stream-protocol-version']} ${request.headers.authorization}`;
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\nhello ');
    if (first.length) socket.write(first);
    socket.on('data', (piece) => socket.write(piece));
    socket.on('end', () => socket.end());
  });
  const answer = await ask('pods', 'exec', 'p', { query: 'command=sh&command=-c&stdin=true&stdout=1&tty=false', headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': 'v4.channel.k8s.io', authorization: 'Bearer secret' }, method: 'POST' });
  expect(answer.status).toBe(101);
  expect(head).toBe('POST /exec/a/p/c?input=1&output=1&command=sh&command=-c v4.channel.k8s.io undefined');
  const pair = createTcp((socket) => answer.upgrade!(socket, Buffer.from('early ')));
  const at = await listen(pair);
  closers.push(() => pair.close());
  const client = connect(at, '127.0.0.1');
  let got = '';
  client.on('data', (piece) => {
    got += piece;
    if (got.endsWith('world')) client.end();
  });
  client.write('world');
  await new Promise((resolve) => client.on('close', resolve));
  expect(got).toBe('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\nhello early world');
});

test('a kubelet that refuses the upgrade is answered with its own words, one that is away with an error', async () => {
  kubelet.on('upgrade', (_request, socket: Socket) => socket.end('HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 17\r\n\r\ncontainer is gone'));
  const headers = { connection: 'Upgrade', upgrade: 'websocket' };
  const refused = await ask('pods', 'attach', 'p', { headers });
  expect([refused.status, await text(refused)]).toEqual([404, 'container is gone']);
  kubelet.close();
  await new Promise<void>((resolve) => {
    kubelet.closeAllConnections();
    kubelet.on('close', resolve);
  });
  await expect(ask('pods', 'attach', 'p', { headers })).rejects.toThrow(`error dialing backend: dial tcp 127.0.0.1:${port}: connect: connection refused`);
});

test('a node is reached through its kubelet, with the path and query as sent', async () => {
  kubelet.on('request', (request, response) => {
    let body = '';
    request.on('data', (piece) => (body += piece));
    request.on('end', () => response.setHeader('location', '/next?x=1').end(`${request.method} ${request.url} ${request.headers['x-forwarded-uri']} ${body}`));
  });
  const answer = await ask('nodes', 'proxy', 'n', { path: '/a%2Fb/c', query: 'q=1', method: 'POST', body: Buffer.from('body') });
  expect(await text(answer)).toBe('POST /a%2Fb/c?q=1 /api/v1/nodes/n/proxy/a%2Fb/c body');
  expect(answer.headers.location).toBe('/api/v1/nodes/n/proxy/next?x=1');
  expect(await ask('nodes', 'proxy', 'n', { query: 'q=1' })).toEqual({ status: 301, headers: { location: '/api/v1/nodes/n/proxy/?q=1' } });
  await expect(ask('nodes', 'proxy', 'none', { path: '/' })).rejects.toThrow('nodes "none" not found');
});

test('a service is reached through its endpoints, and only where there are any', async () => {
  await expect(ask('services', 'proxy', 's', { path: '/' })).rejects.toThrow('services "s" not found');
  objects.put(services, { metadata: { name: 's', namespace: 'a' }, spec: { ports: [{ port: 80, name: 'web' }] } });
  await expect(ask('services', 'proxy', 's', { path: '/' })).rejects.toThrow('services "s" not found');
  await expect(ask('services', 'proxy', 's:81', { path: '/' })).rejects.toThrow('no service port 81 found for service "s"');
  objects.put(endpointSlices, { metadata: { name: 's-0', namespace: 'a', labels: { 'kubernetes.io/service-name': 's' } }, addressType: 'IPv4', endpoints: [] });
  await expect(ask('services', 'proxy', 's', { path: '/' })).rejects.toThrow('no endpoints available for service "s"');
  objects.put(endpointSlices, { metadata: { name: 's-1', namespace: 'a', labels: { 'kubernetes.io/service-name': 's' } }, addressType: 'IPv4', endpoints: [{ addresses: ['127.0.0.1'] }], ports: [{ name: 'web', port: 8080 }] });
  await expect(ask('services', 'proxy', 's:web', { path: '/' })).rejects.toThrow('address not allowed');
});

test('names of proxied targets may hold a scheme and a port', () => {
  expect(splitSchemeNamePort('p')).toEqual({ scheme: '', name: 'p', port: '' });
  expect(splitSchemeNamePort('p:http')).toEqual({ scheme: '', name: 'p', port: 'http' });
  expect(splitSchemeNamePort('https:p:')).toEqual({ scheme: 'https', name: 'p', port: '' });
  for (const bad of ['ftp:p:1', ':1', 'a:b:c:d']) expect(splitSchemeNamePort(bad), bad).toBeUndefined();
});

test('links of proxied pages lead through the proxy', () => {
  const prefix = '/api/v1/namespaces/a/pods/p/proxy';
  const rewrite = (url: string) => throughProxy(url, prefix, { secure: false, host: '10.0.0.1', port: 80 }, 'api:6443');
  for (const [url, wanted] of [['/x?y#z', `${prefix}/x?y#z`], ['x/y', 'x/y'], ['https://other/x', 'https://other/x'], ['http://10.0.0.1/x', `${prefix}/x`], [`${prefix}/x`, `${prefix}/x`], ['#top', '#top']]) expect(rewrite(url), url).toBe(wanted);
  expect(rewriteLinks('<HTML><A HREF="/x" class=big>x</A><script>if (a<b) "<a href=/y>"</script><img src=/i.png/></HTML>', rewrite)).toBe(`<html><a href="${prefix}/x" class="big">x</A><script>if (a<b) "<a href=/y>"</script><img src="${prefix}/i.png/"></HTML>`);
});
