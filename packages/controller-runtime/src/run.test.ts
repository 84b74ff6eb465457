import { configMaps, conflictError, secrets } from '@pilothouse/apimachinery';
import { type ControllerBench, runOnBench } from '@pilothouse/testing/run-controllers';
import { afterEach, describe, expect, test } from 'vitest';
import { done, requeueAfter } from './contract.ts';
import { ownedBy } from './ownership.ts';
import { itself } from './run.ts';

let bench: ControllerBench;
afterEach(() => bench.close());
const map = (name: string) => ({ metadata: { name, namespace: 'default' } });

describe('controller run', () => {
  test('a failing key is tried again with growing pauses, and the others are handled meanwhile', async () => {
    const handled: string[] = [];
    let failures = 3;
    bench = await runOnBench([
      {
        name: 'x', serviceAccount: 'x', watches: [itself(configMaps)],
        async reconcile(key) {
          handled.push(key.split('/')[1]);
          if (key.endsWith('/bad') && failures-- > 0) throw failures === 2 ? conflictError(configMaps, 'bad', 'changed') : new Error('no');
          return done;
        },
      },
    ]);
    await bench.client.create(configMaps, map('bad'));
    await bench.client.create(configMaps, map('good'));
    await bench.advance(200);
    expect(handled.filter((k) => k === 'bad')).toHaveLength(4);
    expect(handled.filter((k) => k === 'good')).toHaveLength(1);
  });

  test('a key that asks for it is looked at again in time, and an owner when its child changes', async () => {
    const handled: string[] = [];
    bench = await runOnBench([
      { name: 'x', serviceAccount: 'x', watches: [itself(configMaps), ownedBy(configMaps, secrets)], reconcile: async (key) => (handled.push(key), handled.length === 1 ? requeueAfter(60_000) : done) },
    ]);
    const owner = await bench.client.create(configMaps, map('o'));
    await bench.advance(200);
    expect(handled).toHaveLength(1);
    await bench.advance(60_000);
    expect(handled).toHaveLength(2);
    await bench.client.create(secrets, { metadata: { name: 's', namespace: 'default', ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'o', uid: owner.metadata.uid!, controller: true }] } });
    await bench.client.create(secrets, { metadata: { name: 'stranger', namespace: 'default', ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'o', uid: '11111111-1111-1111-1111-111111111111', controller: true }] } });
    await bench.advance(200);
    expect(handled).toHaveLength(3);
  });
});
