import type { PushableBody } from '@pilothouse/apimachinery';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { settle, startTestApi, type TestApi } from './testing.ts';

let api: TestApi;
beforeEach(async () => {
  api = await startTestApi();
});
afterEach(() => api.close());

const url = '/api/v1/namespaces/ns/configmaps';
const make = async (name: string, labels?: Record<string, string>): Promise<string> => (await api.call('POST', url, { metadata: { name, ...(labels && { labels }) } })).body.metadata.resourceVersion;
const relabel = (name: string, labels: Record<string, string | null>) => api.call('PATCH', `${url}/${name}`, { metadata: { labels } }, { 'content-type': 'application/merge-patch+json' });
const names = (answer: { body: any }) => answer.body.items.map((item: any) => item.metadata.name).join(' ');

describe('list', () => {
  test('is in key order, with the newest revision, items without kind and apiVersion', async () => {
    for (const name of ['b', 'a', 'c']) await make(name);
    const { body } = await api.call('GET', url);
    expect(body).toMatchObject({ kind: 'ConfigMapList', apiVersion: 'v1', metadata: { resourceVersion: String(await api.store.revision()) } });
    expect(names({ body })).toBe('a b c');
    expect(Object.keys(body.items[0])).toEqual(['metadata']);
  });

  test('an empty list has an empty array', async () => {
    expect((await api.call('GET', url)).body.items).toEqual([]);
  });

  test.each([
    ['labelSelector=tier%3Dweb', 'a b'],
    ['labelSelector=tier+in+(db)', 'c'],
    ['labelSelector=!tier', 'd'],
    ['fieldSelector=metadata.name%3Db', 'b'],
    ['fieldSelector=metadata.name!%3Db', 'a c d'],
    ['fieldSelector=metadata.namespace%3Dother', ''],
    ['labelSelector=tier%3Dweb&fieldSelector=metadata.name%3Da', 'a'],
  ])('%s selects %j', async (query, wanted) => {
    await make('a', { tier: 'web' });
    await make('b', { tier: 'web' });
    await make('c', { tier: 'db' });
    await make('d');
    expect(names(await api.call('GET', `${url}?${query}`))).toBe(wanted);
    expect(names(await api.call('GET', `/api/v1/configmaps?${query}`))).toBe(wanted);
  });

  test('pages show the list as it was when the first was read, whatever is written in between', async () => {
    for (const name of ['a', 'b', 'c', 'd']) await make(name);
    const first = await api.call('GET', `${url}?limit=2`);
    expect(names(first)).toBe('a b');
    expect(first.body.metadata.remainingItemCount).toBe(2);
    await make('bb');
    await api.call('DELETE', `${url}/c`);
    const second = await api.call('GET', `${url}?limit=2&continue=${first.body.metadata.continue}`);
    expect(names(second)).toBe('c d');
    expect(second.body.metadata).toEqual({ resourceVersion: first.body.metadata.resourceVersion });
    expect(names(await api.call('GET', url))).toBe('a b bb d');
  });

  test('under a selector a page is full of what matches, and does not say how much remains', async () => {
    for (const name of ['a', 'b', 'c', 'd']) await make(name, { even: String(name.charCodeAt(0) % 2 === 0) });
    const first = await api.call('GET', `${url}?limit=1&labelSelector=even%3Dtrue`);
    expect(names(first)).toBe('b');
    expect(first.body.metadata.remainingItemCount).toBeUndefined();
    expect(names(await api.call('GET', `${url}?limit=1&labelSelector=even%3Dtrue&continue=${first.body.metadata.continue}`))).toBe('d');
  });

  test('a continue token is what kube-apiserver writes', async () => {
    await make('a');
    await make('b');
    const { body } = await api.call('GET', `${url}?limit=1`);
    expect(JSON.parse(Buffer.from(body.metadata.continue, 'base64url').toString())).toEqual({ v: 'meta.k8s.io/v1', rv: Number(body.metadata.resourceVersion), start: 'a\u0000' });
  });

  test('a token that outlived the store’s history is answered 410, with a token for the rest as it is now', async () => {
    for (const name of ['a', 'b', 'c']) await make(name);
    const first = await api.call('GET', `${url}?limit=1`);
    for (let i = 0; i < 200; i++) {
      await relabel('b', { n: String(i) });
      await api.clock.advanceAsync(1_000);
    }
    expect(names(await api.call('GET', `${url}?continue=${first.body.metadata.continue}`))).toBe('b c');
    await api.store.compact(await api.store.revision());
    const gone = await api.call('GET', `${url}?continue=${first.body.metadata.continue}`);
    expect(gone.body).toMatchObject({ code: 410, reason: 'Expired', message: expect.stringMatching(/^The provided continue parameter is too old to display a consistent list result\./) });
    expect(names(await api.call('GET', `${url}?continue=${gone.body.metadata.continue}`))).toBe('b c');
    expect((await api.call('GET', `${url}?resourceVersion=${first.body.metadata.resourceVersion}&resourceVersionMatch=Exact`)).body).toMatchObject({ code: 410, reason: 'Expired' });
  });

  test.each([
    ['resourceVersion=0', 'a b'],
    ['resourceVersion=FIRST', 'a b'],
    ['resourceVersion=FIRST&resourceVersionMatch=NotOlderThan', 'a b'],
    ['resourceVersion=FIRST&resourceVersionMatch=Exact', 'a'],
    ['resourceVersion=FIRST&limit=5', 'a'],
  ])('%s shows %j', async (query, wanted) => {
    const first = await make('a');
    await make('b');
    await settle();
    expect(names(await api.call('GET', `${url}?${query.replace('FIRST', first)}`))).toBe(wanted);
  });

  test.each([
    ['resourceVersion=abc', 400, 'invalid resource version: resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax'],
    ['resourceVersionMatch=Exact', 422, 'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided'],
    ['resourceVersion=0&resourceVersionMatch=Exact', 422, 'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"'],
    ['limit=x', 400, 'strconv.ParseInt: parsing "x": invalid syntax'],
    ['fieldSelector=spec.x%3Dy', 400, '"spec.x" is not a known field selector: only "metadata.name", "metadata.namespace"'],
  ])('%s is refused with %i', async (query, status, message) => {
    expect((await api.call('GET', `${url}?${query}`)).body).toMatchObject({ code: status, message });
  });

  test.each([
    ['/api/v1/nodes', 'metadata.namespace', 'field label not supported: metadata.namespace'],
    ['/api/v1/namespaces', 'name', 'field label not supported: name'],
    ['/api/v1/persistentvolumes', 'name', '"name" is not a known field selector: only "metadata.name", "metadata.namespace"'],
    ['/apis/apps/v1/replicasets', 'status.replicas', '"status.replicas" is not a known field selector: only "metadata.name", "metadata.namespace"'],
    ['/apis/batch/v1/jobs', 'x', 'field label "x" not supported for Job'],
    ['/apis/resource.k8s.io/v1/resourceslices', 'x', 'field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: x'],
    ['/api/v1/pods', 'spec.host', undefined],
    ['/api/v1/persistentvolumes', 'metadata.namespace', undefined],
  ])('%s cannot all be selected by %s', async (path, field, message) => {
    expect((await api.call('GET', `${path}?fieldSelector=${field}%3Dx`)).body).toMatchObject(message ? { code: 400, message } : { items: [] });
  });

  test.each([
    ['resourceVersion=0&limit=1', 'a b'],
    ['resourceVersion=0&resourceVersionMatch=NotOlderThan&limit=1', 'a b'],
    ['resourceVersion=FIRST&resourceVersionMatch=NotOlderThan&limit=1', 'a'],
  ])('%s shows %j: what takes any state is not paged', async (query, wanted) => {
    const first = await make('a');
    await make('b');
    await settle();
    expect(names(await api.call('GET', `${url}?${query.replace('FIRST', first)}`))).toBe(wanted);
  });

  const token = (value: unknown): string => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
  test.each([
    ['a!', 'illegal base64 data at input byte 1'],
    ['YWJjZ', 'illegal base64 data at input byte 4'],
    [token('x'), "invalid character 'x' looking for beginning of value"],
    [token('[]'), 'json: cannot unmarshal array into Go value of type storage.continueToken'],
    [token({ v: 1 }), 'json: cannot unmarshal number into Go struct field continueToken.v of type string'],
    [token({ v: 'v2' }), 'server does not recognize this encoded version v2'],
    [token({}), 'server does not recognize this encoded version '],
    [token({ v: 'meta.k8s.io/v1' }), 'incorrect encoded start resourceVersion (version meta.k8s.io/v1)'],
    [token({ v: 'meta.k8s.io/v1', rv: 1 }), 'encoded start key empty (version meta.k8s.io/v1)'],
    [token({ v: 'meta.k8s.io/v1', rv: 1, start: 'a/../../b' }), 'a/../../b'],
  ])('the continue token %s is refused', async (text, why) => {
    expect((await api.call('GET', `${url}?continue=${text}`)).body).toMatchObject({ code: 400, message: `invalid continue token: continue key is not valid: ${why}` });
  });

  test.each([
    ['limit=', 400, 'strconv.ParseInt: parsing "": invalid syntax'],
    ['limit=x&labelSelector=%3D', 400, 'strconv.ParseInt: parsing "x": invalid syntax'],
    ['sendInitialEvents=true&resourceVersionMatch=Exact', 422, 'ListOptions.meta.k8s.io "" is invalid: [resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided, sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list]'],
    ['fieldSelector=metadata.name%3Da,metadata.name%3Db', 200, undefined],
  ])('the options %s are answered %i', async (query, code, message) => {
    const answer = await api.call('GET', `${url}?${query}`);
    expect([answer.status, answer.body.message]).toEqual([code, message]);
  });

  test('exporting is refused', async () => {
    await make('a');
    expect((await api.call('GET', `${url}/a?export=true`)).body).toMatchObject({ code: 400, message: 'the export parameter, deprecated since v1.14, is no longer supported' });
    expect((await api.call('GET', `${url}/a?export=0`)).status).toBe(200);
  });

  test('a revision that does not exist yet is waited for three seconds, then answered 504', async () => {
    const pending = api.call('GET', `${url}?resourceVersion=100000`);
    await api.clock.advanceAsync(3_000);
    expect((await pending).body).toMatchObject({ code: 504, reason: 'Timeout', details: { causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }], retryAfterSeconds: 1 } });
  });

  test('a list sees what was acknowledged before it, even by another writer', async () => {
    const at = await api.store.put('/registry/configmaps/ns/foreign', Buffer.from('{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"foreign","namespace":"ns","uid":"u"}}'));
    const { body } = await api.call('GET', url);
    expect(body.items).toEqual([{ metadata: { name: 'foreign', namespace: 'ns', uid: 'u', resourceVersion: String(at.modRevision) } }]);
  });

  test('objects written in another order of fields get their revision all the same', async () => {
    const at = await api.store.put('/registry/configmaps/ns/foreign', Buffer.from('{"apiVersion":"v1","kind":"ConfigMap","metadata":{"annotations":{"uid":"no"},"name":"foreign","namespace":"ns","uid":"u"}}'));
    expect((await api.call('GET', `${url}/foreign`)).body.metadata).toEqual({ name: 'foreign', namespace: 'ns', uid: 'u', resourceVersion: String(at.modRevision), annotations: { uid: 'no' } });
  });
});

describe('watch', () => {
  test('from a revision shows each change once, in order, deletions at their own revision', async () => {
    const from = await make('first');
    const a = await make('a');
    const watch = await api.watch(`${url}?watch=1&resourceVersion=${from}`);
    await relabel('a', { x: 'y' });
    await api.call('DELETE', `${url}/a`);
    await settle();
    const next = Number(a) + 1;
    expect(watch.seen()).toEqual([`ADDED a ${a}`, `MODIFIED a ${next}`, `DELETED a ${next + 1}`]);
    expect(watch.events[2].object.metadata.labels).toEqual({ x: 'y' });
  });

  test.each(['', '&resourceVersion=0'])('without a revision (%j) begins with what is there', async (query) => {
    const a = await make('a');
    const watch = await api.watch(`${url}?watch=1${query}`);
    const b = await make('b');
    await settle();
    expect(watch.seen()).toEqual([`ADDED a ${a}`, `ADDED b ${b}`]);
  });

  test('objects enter and leave a selection', async () => {
    const from = await make('a');
    const watch = await api.watch(`${url}?watch=1&resourceVersion=${from}&labelSelector=on%3Dyes`);
    await relabel('a', { on: 'yes' });
    await relabel('a', { more: '1' });
    await relabel('a', { on: 'no' });
    await relabel('a', { more: '2' });
    await settle();
    const r = Number(from);
    expect(watch.seen()).toEqual([`ADDED a ${r + 1}`, `MODIFIED a ${r + 2}`, `DELETED a ${r + 3}`]);
    expect(watch.events[2].object.metadata.labels).toEqual({ on: 'yes', more: '1' });
  });

  test('a streaming list ends with the bookmark that says so', async () => {
    await make('b');
    await make('a');
    const rv = await api.store.revision();
    const watch = await api.watch(`${url}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`);
    expect(watch.seen()).toEqual([expect.stringMatching(/^ADDED a/), expect.stringMatching(/^ADDED b/), `BOOKMARK ${rv} initial events end`]);
    expect(watch.events[2].object).toMatchObject({ kind: 'ConfigMap', apiVersion: 'v1' });
  });

  test.each(['', '&resourceVersion=0'])('a watch from anywhere (%j) that wants bookmarks is told where its initial events end', async (query) => {
    const a = await make('a');
    const watch = await api.watch(`${url}?watch=1&allowWatchBookmarks=true${query}`);
    expect(watch.seen()).toEqual([`ADDED a ${a}`, expect.stringMatching(/^BOOKMARK \d+ initial events end$/)]);
  });

  test('initial events newer than there are end the watch with 504', async () => {
    const pending = api.watch(`${url}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=100000`);
    await settle();
    await api.clock.advanceAsync(3_000);
    const watch = await pending;
    await watch.ended;
    expect(watch.status).toBe(200);
    expect(watch.seen()).toEqual([expect.stringMatching(/^ERROR 504 Timeout: Timeout: Too large resource version: 100000, current: \d+$/)]);
  });

  test('bookmarks keep their annotation in Tables without objects', async () => {
    await make('a');
    const watch = await api.watch(`${url}?watch=1&allowWatchBookmarks=true&includeObject=None`, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' });
    expect(watch.events.map(({ type, object }) => [type, object.rows[0].object?.metadata.annotations ?? null])).toEqual([['ADDED', null], ['BOOKMARK', { 'k8s.io/initial-events-end': 'true' }]]);
  });

  test.each([
    ['sendInitialEvents=true', 422, 'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'],
    ['resourceVersion=x', 500, 'resourceVersion: Invalid value: "x": strconv.ParseUint: parsing "x": invalid syntax'],
    ['timeoutSeconds=', 400, 'strconv.ParseInt: parsing "": invalid syntax'],
  ])('%s is refused with %i', async (query, code, message) => {
    expect((await api.call('GET', `${url}?watch=1&${query}`)).body).toMatchObject({ code, message });
  });

  test.each([
    ['application/yaml', 'application/json', 'only the following media types are accepted: application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch'],
    ['application/json;as=Table;v=v1;g=meta.k8s.io', 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json', "Unable to convert to Table as requested: includeObject: Invalid value: \"All\": must be 'Metadata', 'Object', 'None', or empty"],
  ])('a form that cannot be streamed (%s) is refused and leaves no watcher', async (accept, _, message) => {
    const { body } = await api.call('GET', `${url}?watch=1&includeObject=All`, undefined, { accept });
    // YAML folds long texts.
    expect(typeof body === 'string' ? body.replace(/\n {2}/g, ' ') : body.message).toContain(message);
    expect(api.server.registry.find('', 'v1', 'configmaps')!.stored!.cache.watcherCount).toBe(0);
  });

  test('bookmarks come about every minute and before the end, and carry the newest revision', async () => {
    const from = await make('a');
    const watch = await api.watch(`${url}?watch=1&resourceVersion=${from}&allowWatchBookmarks=true&timeoutSeconds=100`);
    await api.call('POST', '/api/v1/namespaces/ns/secrets', { metadata: { name: 's' } });
    await settle();
    const now = await api.store.revision();
    await api.clock.advanceAsync(76_000);
    expect(watch.seen()).toEqual([`BOOKMARK ${now}`]);
    await api.clock.advanceAsync(24_000);
    await watch.ended;
    expect(watch.seen()).toEqual([`BOOKMARK ${now}`, `BOOKMARK ${now}`]);
  });

  test('ends when its time is up, and leaves no timers', async () => {
    const watch = await api.watch(`${url}?watch=1&timeoutSeconds=5`);
    const before = api.clock.pending();
    await api.clock.advanceAsync(5_000);
    await watch.ended;
    expect(api.clock.pending()).toBeLessThan(before);
  });

  test('ends when the server drains', async () => {
    const watch = await api.watch(`${url}?watch=1`);
    await api.server.close();
    await watch.ended;
    expect(api.server.ready).toBe(false);
  });

  test('history that is gone ends the watch with 410', async () => {
    const from = await make('a');
    for (let i = 0; i < 200; i++) {
      await relabel('a', { n: String(i) });
      await api.clock.advanceAsync(1_000);
    }
    const refused = await api.watch(`${url}?watch=1&resourceVersion=${from}`);
    await refused.ended;
    expect(refused.status).toBe(200);
    expect(refused.seen()).toEqual([expect.stringMatching(new RegExp(`^ERROR 410 Expired: too old resource version: ${from} \\(\\d+\\)$`))]);
  });

  test('a reader that does not keep up is cut off with 410', async () => {
    await make('a');
    const cache = api.server.registry.find('', 'v1', 'configmaps')!.stored!.cache;
    const watcher = cache.watch({ namespace: '', name: '' }, cache.revision);
    for (let i = 0; i <= 16_384; i++) watcher.bookmark(1);
    expect(watcher.ended).toBe('too-slow');
    expect((await watcher.take())?.length).toBe(16_384);
    expect(cache.watcherCount).toBe(0);
  });

  test('a reader that takes nothing while large objects change is cut off before it holds many', async () => {
    await make('a');
    const cache = api.server.registry.find('', 'v1', 'configmaps')!.stored!.cache;
    const watcher = cache.watch({ namespace: '', name: '' }, cache.revision);
    for (let i = 0; i < 80 && !watcher.ended; i++) {
      await api.call('PATCH', `${url}/a`, { data: { big: String(i).padEnd(1_000_000, 'x') } }, { 'content-type': 'application/merge-patch+json' });
      await settle();
    }
    expect(watcher.ended).toBe('too-slow');
    expect((await watcher.take())?.length).toBeLessThanOrEqual(70);
  });

  test('a connection that takes nothing is given up some time after its watch ended', async () => {
    await make('a');
    const abort = new AbortController();
    const open = async (drains: boolean) => {
      let takes = drains;
      const { body } = await api.server.handle({ method: 'GET', url: `${url}?watch=1&resourceVersion=0&timeoutSeconds=10&allowWatchBookmarks=true`, headers: {}, signal: abort.signal });
      const seen: string[] = [];
      let resume = (): void => {};
      (body as PushableBody).pushTo({ write: () => false, onDrain: (then) => void (takes ? then() : (resume = then)), end: () => void seen.push('end'), destroy: () => void seen.push('destroy') });
      await settle();
      return {
        seen,
        resume() {
          takes = true;
          resume();
        },
      };
    };
    const before = api.clock.pending();
    const stuck = await open(false);
    const read = await open(true);
    const late = await open(false);
    await api.clock.advanceAsync(10_000);
    expect([stuck.seen, read.seen, late.seen]).toEqual([[], ['end'], []]);
    late.resume();
    await settle();
    await api.clock.advanceAsync(30_000);
    expect([stuck.seen, late.seen]).toEqual([['destroy'], ['end']]);
    expect(api.clock.pending()).toBe(before);
  });

  test('a client that goes away while its connection takes nothing leaves no timer and no watcher', async () => {
    await make('a');
    const cache = api.server.registry.find('', 'v1', 'configmaps')!.stored!.cache;
    const before = [api.clock.pending(), cache.watcherCount];
    const abort = new AbortController();
    const { body } = await api.server.handle({ method: 'GET', url: `${url}?watch=1&resourceVersion=0&allowWatchBookmarks=true`, headers: {}, signal: abort.signal });
    (body as PushableBody).pushTo({ write: () => false, onDrain() {}, end() {}, destroy() {} });
    await api.clock.advanceAsync(0);
    expect([api.clock.pending(), cache.watcherCount]).not.toEqual(before);
    abort.abort(new Error('gone'));
    await api.clock.advanceAsync(0);
    expect([api.clock.pending(), cache.watcherCount]).toEqual(before);
  });

  test('the delays of timers are few, however many watches there are', async () => {
    const delays = new Set<number>();
    const { after } = api.clock;
    api.runtime.clock.after = (delayMs, fn, options) => {
      delays.add(Math.trunc(delayMs));
      return after(delayMs, fn, options);
    };
    for (let i = 0; i < 4_000; i++) {
      const abort = new AbortController();
      await api.server.handle({ method: 'GET', url: `${url}?watch=1&resourceVersion=0&allowWatchBookmarks=true`, headers: {}, signal: abort.signal });
      abort.abort(new Error('gone'));
    }
    expect(delays.size).toBeLessThan(1_600);
  });

  test('one object is watched by the old path', async () => {
    await make('a');
    await make('b');
    const watch = await api.watch('/api/v1/watch/namespaces/ns/configmaps/b?resourceVersion=0');
    await relabel('a', { x: '1' });
    await relabel('b', { x: '1' });
    await settle();
    expect(watch.seen().map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual(['ADDED b', 'MODIFIED b']);
  });
});

test('watches of one node’s pods see pods come, change and leave, and nothing of other nodes', async () => {
  const pods = '/api/v1/namespaces/ns/pods';
  const on = (name: string, nodeName?: string) => api.call('POST', pods, { metadata: { name }, spec: { ...(nodeName && { nodeName }), containers: [{ name: 'c', image: 'i' }] } });
  const watch = await api.watch('/api/v1/pods?watch=1&fieldSelector=spec.nodeName%3Dn1');
  const unbound = await api.watch('/api/v1/pods?watch=1&fieldSelector=spec.nodeName%3D');
  await on('a', 'n1');
  await on('b', 'n2');
  await on('c');
  await api.call('POST', `${pods}/c/binding`, { metadata: { name: 'c' }, target: { kind: 'Node', name: 'n1' } });
  await api.call('DELETE', `${pods}/a?gracePeriodSeconds=0`);
  await settle();
  const short = (w: typeof watch) => w.seen().map((line) => line.split(' ').slice(0, 2).join(' '));
  expect(short(watch)).toEqual(['ADDED a', 'ADDED c', 'MODIFIED a', 'DELETED a']);
  expect(short(unbound)).toEqual(['ADDED c', 'DELETED c']);
});

test('the past can be listed for as long as the store keeps it; then it is expired', async () => {
  const at = await make('h', { v: '1' });
  await relabel('h', { v: '2' });
  const past = `${url}?resourceVersion=${at}&resourceVersionMatch=Exact`;
  expect((await api.call('GET', past)).body.items[0].metadata.labels).toEqual({ v: '1' });
  await api.clock.advanceAsync(310_000);
  await make('later');
  await api.clock.advanceAsync(10_000);
  expect((await api.call('GET', past)).body).toMatchObject({ code: 410, reason: 'Expired', message: 'The resourceVersion for the provided list is too old.' });
});
