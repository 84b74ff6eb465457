import { expect, test } from 'vitest';
import { ResourceCache } from './resource-cache.ts';

const value = (name: string, labels: Record<string, string>) => Buffer.from(JSON.stringify({ kind: 'Pod', apiVersion: 'v1', metadata: { name, namespace: 'ns', uid: name, labels } }));

function start() {
  /** Turns of the loop that are due. */
  const due: (() => void)[] = [];
  const clock = { now: () => 0, soon: (fn: () => void) => void due.push(fn), turn: () => due.shift()?.() };
  const cache = new ResourceCache({ prefix: '/registry/pods/', namespaced: true, indexer: { fields: {}, parsed() {} }, reader: { head: Buffer.from('{'), foreign: (stored) => JSON.parse(stored.toString()) }, clock });
  let revision = 0;
  const put = (name: string, labels: Record<string, string>) => cache.apply({ type: 'put', key: `/registry/pods/ns/${name}`, value: value(name, labels), revision: ++revision, createRevision: revision });
  const drop = (name: string) => cache.apply({ type: 'delete', key: `/registry/pods/ns/${name}`, value: Buffer.alloc(0), revision: ++revision, createRevision: 0 });
  const selected = (...values: string[]) => cache.withValue('ns', { kind: 'label', name: 'app', values })?.map((object) => object.name);
  return { clock, cache, put, drop, selected };
}

test('an index is made after the first selection and follows every later change', () => {
  const { clock, cache, put, drop, selected } = start();
  put('z', { app: 'a' });
  put('b', { app: 'b' });
  expect(selected('a')).toBeUndefined();
  clock.turn();
  expect(selected('a')).toEqual(['z']);
  put('b', { app: 'a' });
  put('c', { app: 'a' });
  put('d', { app: 'd' });
  expect(selected('a')).toEqual(['b', 'c', 'z']);
  expect(selected('a', 'd', 'none')).toEqual(['b', 'c', 'd', 'z']);
  put('z', {});
  drop('c');
  expect(selected('a')).toEqual(['b']);
  expect(cache.withValue('other', { kind: 'label', name: 'app', values: ['a'] })).toEqual([]);
});

test('changes while the index is being made are neither lost nor counted twice', () => {
  const { clock, put, drop, selected } = start();
  const nameOf = (i: number) => `m${String(i).padStart(5, '0')}`;
  const held = new Map<string, string>();
  const set = (name: string, app: string) => {
    held.set(name, app);
    put(name, { app });
  };
  for (let i = 0; i < 10_000; i++) set(nameOf(i), i % 2 ? 'odd' : 'even');
  let rounds = 0;
  for (; !selected('odd'); rounds++) {
    set(nameOf(rounds * 1_000), 'odd');
    set(nameOf(9_001 - rounds * 1_000), 'even');
    const gone = nameOf(9_999 - rounds * 1_000);
    held.delete(gone);
    drop(gone);
    set(`a${rounds}`, 'odd');
    set(`z${rounds}`, 'odd');
    clock.turn();
  }
  expect(rounds).toBeGreaterThan(1);
  expect(selected('odd')).toEqual([...held].filter(([, app]) => app === 'odd').map(([name]) => name).sort());
});
