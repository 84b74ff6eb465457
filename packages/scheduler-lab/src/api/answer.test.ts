import type { ApiRequest, ApiResponse } from '@pilothouse/apimachinery';
import { seededRandom } from '@pilothouse/base/random';
import type { Client } from '@pilothouse/client';
import { node, pod } from '@pilothouse/scheduler-framework/testing/bench';
import { expect, test } from 'vitest';
import { labBench } from '../testing/lab-bench.ts';
import { labAnswers } from './answer.ts';
import { resources } from './discovery.ts';
import { openApiDocuments } from './open-api.ts';

const client = { get: () => Promise.reject(new Error('no API server')), list: () => Promise.resolve({ items: [] }) } as unknown as Client;
const table = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';

function served() {
  const bench = labBench({ nodes: [node('n1'), node('n2')] });
  const answers = labAnswers({ lab: bench.lab, runtime: { random: seededRandom(1) }, client });
  const abort = new AbortController();
  const ask = (verb: string, path: string, { query = '', body, accept, type }: { query?: string; body?: unknown; accept?: string; type?: string } = {}): Promise<ApiResponse> => {
    const [namespace, resource, name = '', subresource = ''] = path.split('/');
    const request: ApiRequest = { method: verb === 'create' ? 'POST' : 'GET', url: path, headers: { ...(accept && { accept }), ...(type && { 'content-type': type }) }, ...(body !== undefined && { bodyObject: body }), signal: abort.signal };
    return answers(request, { verb, resource, subresource, namespace, name, query: new URLSearchParams(query) });
  };
  const json = async (...args: Parameters<typeof ask>): Promise<any> => JSON.parse(new TextDecoder().decode((await ask(...args)).body as Uint8Array));
  return { ...bench, ask, json, abort };
}

test('lists are selected, paged and shown as tables and bare metadata', async () => {
  const { attempt, json } = served();
  for (let i = 0; i < 5; i++) attempt(pod(`p${i}`, { requests: { cpu: '100m' } }));
  attempt(pod('huge', { requests: { cpu: '100' } }));
  const names = (list: any) => list.items.map((o: any) => o.metadata.name);
  expect(names(await json('list', 'default/schedulingtraces'))).toEqual(['huge-1', 'p0-1', 'p1-1', 'p2-1', 'p3-1', 'p4-1']);
  expect(names(await json('list', 'other/schedulingtraces'))).toEqual([]);
  expect(names(await json('list', '/schedulingtraces', { query: 'fieldSelector=result=Unschedulable' }))).toEqual(['huge-1']);
  expect(names(await json('list', '/schedulingtraces', { query: 'labelSelector=lab.pilothouse.dev/result=Unschedulable' }))).toEqual(['huge-1']);
  const first = await json('list', 'default/schedulingtraces', { query: 'limit=4' });
  expect(first.metadata.remainingItemCount).toBe(2);
  expect(names(await json('list', 'default/schedulingtraces', { query: `limit=4&continue=${encodeURIComponent(first.metadata.continue)}` }))).toEqual(['p3-1', 'p4-1']);
  const shown = await json('list', 'default/schedulingtraces', { accept: table });
  expect(shown).toMatchObject({ kind: 'Table', rows: expect.arrayContaining([{ cells: ['huge-1', 1, 'Unschedulable', '<none>', '2 Insufficient cpu', '0s', expect.any(String)], object: expect.objectContaining({ kind: 'PartialObjectMetadata' }) }]) });
  expect((await json('list', 'default/schedulingtraces', { accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io' })).items[0]).toEqual({ apiVersion: 'meta.k8s.io/v1', kind: 'PartialObjectMetadata', metadata: expect.objectContaining({ name: 'huge-1' }) });
  await expect(json('list', 'default/schedulingtraces', { query: 'fieldSelector=spec.x=1' })).rejects.toThrow('field label not supported: spec.x');
  await expect(json('list', 'default/schedulingtraces', { accept: 'text/html' })).rejects.toThrow('only the following media types are accepted');
});

test("a trace is found by its own name and by its pod's; bounds of its nodes are the caller's", async () => {
  const { attempt, json } = served();
  const p = pod('web', { requests: { cpu: '100' } });
  attempt(p, 1);
  attempt(p, 2);
  expect((await json('get', 'default/schedulingtraces/web-1')).attempt).toBe(1);
  expect((await json('get', 'default/schedulingtraces/web')).attempt).toBe(2);
  const { explanation } = await json('get', 'default/schedulingtraces/web', { query: 'maxNodes=1' });
  expect([explanation.nodes.length, explanation.nodesOmitted]).toEqual([1, 1]);
  await expect(json('get', 'default/schedulingtraces/web', { query: 'maxNodes=no' })).rejects.toThrow('maxNodes: Invalid value: "no"');
  await expect(json('get', 'default/schedulingtraces/nope')).rejects.toMatchObject({ code: 404, message: 'schedulingtraces.lab.pilothouse.dev "nope" not found' });
});

test('a watch tells what there is, what comes, and what no longer matches; it ends when its client goes', async () => {
  const { attempt, ask, lab, abort, json } = served();
  attempt(pod('before', { requests: { cpu: '1' } }));
  const since = (await json('list', '/schedulingtraces')).metadata.resourceVersion;
  const read = async (response: ApiResponse, count: number) => {
    const events: string[] = [];
    for await (const piece of response.body as AsyncIterable<Uint8Array>) {
      const { type, object } = JSON.parse(new TextDecoder().decode(piece));
      events.push(`${type} ${object.metadata?.name ?? object.reason}`);
      if (events.length === count) break;
    }
    return events;
  };
  const all = await ask('watch', '/schedulingtraces');
  const later = await ask('watch', '/schedulingtraces', { query: `resourceVersion=${since}` });
  const latest = await ask('watch', '/schedulingtraces', { query: 'fieldSelector=latest=true' });
  const p = pod('p', { requests: { cpu: '100' } });
  attempt(p, 1);
  attempt(p, 2);
  expect(await read(all, 4)).toEqual(['ADDED before-1', 'ADDED p-1', 'MODIFIED p-1', 'ADDED p-2']);
  expect(await read(later, 3)).toEqual(['ADDED p-1', 'MODIFIED p-1', 'ADDED p-2']);
  expect(await read(latest, 4)).toEqual(['ADDED before-1', 'ADDED p-1', 'DELETED p-1', 'ADDED p-2']);
  expect(await read(await ask('watch', '/schedulingtraces', { query: 'resourceVersion=1' }), 5)).toEqual(['ERROR Expired']);
  expect(lab.traces.happenings.listeners).toBe(0);
  const open = await ask('watch', '/schedulingtraces', { query: 'sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan' });
  const reading = read(open, 99);
  abort.abort();
  expect(await reading).toEqual(['ADDED before-1', 'ADDED p-1', 'ADDED p-2', 'BOOKMARK undefined']);
  expect(lab.traces.happenings.listeners).toBe(0);
});

test('a client that does not read is not kept events for without bound', async () => {
  const { ask, lab, entry } = served();
  const response = await ask('watch', '/queuedpods');
  const p = entry(pod('p'));
  for (let i = 0; i < 6000; i++) lab.queue.moved(p, i % 2 ? 'active' : 'backoff', 'x', undefined, () => []);
  let events = 0;
  for await (const _piece of response.body as AsyncIterable<Uint8Array>) events++;
  expect(events).toBeLessThan(4100);
});

test.each([
  ['unknown points', { points: ['Filtre'] }, 'spec.points[0]: Unsupported value: "Filtre"'],
  ['limits out of range', { timeoutSeconds: 0, leaseSeconds: 601 }, 'spec.timeoutSeconds: Invalid value: 0: must be between 1 and 3600, inclusive'],
  ['an unknown scheduler', { schedulerName: 'nope' }, 'spec.schedulerName: Not found: "nope"'],
])('a breakpoint is refused with %s', async (_what, spec, message) => {
  await expect(served().json('create', 'default/schedulingbreakpoints', { body: { metadata: { name: 'b' }, spec } })).rejects.toThrow(message);
});

test('a breakpoint is made once, is listed with its hits, and a dry run makes none', async () => {
  const { json, lab, entry } = served();
  const body = { metadata: { name: 'b' }, spec: {} };
  await json('create', 'default/schedulingbreakpoints', { body, query: 'dryRun=All' });
  expect(lab.holding.breakpoints.size).toBe(0);
  await json('create', 'default/schedulingbreakpoints', { body });
  await expect(json('create', 'default/schedulingbreakpoints', { body })).rejects.toMatchObject({ code: 409 });
  lab.holding.holds(entry(pod('p')), () => undefined);
  expect((await json('list', '/schedulingbreakpoints')).items[0].status).toEqual({ hits: 1 });
  await expect(json('create', 'default/heldcycles/p/command', { body: { spec: { action: 'Jump' } } })).rejects.toThrow('spec.action: Unsupported value: "Jump"');
  await expect(json('create', 'default/heldcycles/q/command', { body: { spec: { action: 'Step' } } })).rejects.toMatchObject({ code: 404 });
  expect((await json('delete', 'default/heldcycles/p')).status).toBe('Success');
  expect(lab.holding.held.size).toBe(0);
});

test('a breakpoint is changed by PUT and by merge patch, at the version it has', async () => {
  const { json, lab, ask } = served();
  const { metadata } = await json('create', 'default/schedulingbreakpoints', { body: { metadata: { name: 'b' }, spec: {} } });
  const put = await json('update', 'default/schedulingbreakpoints/b', { body: { metadata, spec: { queue: 'Wait' } } });
  expect(put).toMatchObject({ spec: { queue: 'Wait' }, metadata: { uid: metadata.uid, creationTimestamp: metadata.creationTimestamp } });
  expect(put.metadata.resourceVersion).not.toBe(metadata.resourceVersion);
  await expect(json('update', 'default/schedulingbreakpoints/b', { body: { metadata, spec: {} } })).rejects.toMatchObject({ code: 409 });
  const patch = (body: unknown) => json('patch', 'default/schedulingbreakpoints/b', { body, type: 'application/merge-patch+json' });
  expect((await patch({ metadata: { labels: { a: 'b' } }, spec: { queue: null, plugins: ['NodePorts'] } })).spec).toEqual({ plugins: ['NodePorts'] });
  expect([...lab.holding.breakpoints.values()][0].object).toMatchObject({ metadata: { labels: { a: 'b' } }, spec: { plugins: ['NodePorts'] } });
  await expect(patch({ spec: { points: ['Nope'] } })).rejects.toMatchObject({ code: 422 });
  await expect(ask('patch', 'default/schedulingbreakpoints/b', { body: [], type: 'application/json-patch+json' })).rejects.toMatchObject({ code: 415 });
});

test('what is not served is refused by name', async () => {
  const { json } = served();
  await expect(json('delete', 'default/schedulingtraces/x')).rejects.toMatchObject({ code: 405 });
  await expect(json('list', 'default/schedulingreviews')).rejects.toMatchObject({ code: 405 });
});

test('every kind of discovery is described for kubectl explain', () => {
  const [document] = [...openApiDocuments().values()] as { components: { schemas: Record<string, { properties: Record<string, { description: string }>; 'x-kubernetes-group-version-kind'?: { kind: string }[] }> } }[];
  const kinds = Object.values(document.components.schemas).flatMap((s) => s['x-kubernetes-group-version-kind']?.map((k) => k.kind) ?? []);
  for (const { kind } of resources) expect(kinds).toContain(kind);
  for (const [name, schema] of Object.entries(document.components.schemas)) for (const [field, { description }] of Object.entries(schema.properties ?? {})) expect(description, `${name}.${field}`).toBeTruthy();
});
