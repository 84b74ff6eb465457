import type { Pod } from '@pilothouse/api-schemas/types/core/v1';
import type { DeviceTaint, DeviceToleration, ResourceClaim, ResourceSlice } from '@pilothouse/api-schemas/types/resource/v1';
import { events, pods, resourceClaims, resourceSlices } from '@pilothouse/apimachinery';
import { type ControllerBench, runOnBench } from '@pilothouse/testing/run-controllers';
import { afterEach, describe, expect, test } from 'vitest';
import { deviceTaintEvictionController } from './controller.ts';
import { claimEvictionMs, evictingTaints, podEvictionMs } from './plan.ts';

let bench: ControllerBench | undefined;
afterEach(async () => {
  await bench?.close();
  bench = undefined;
});

const at = '1970-01-01T00:00:10Z';
const slice = (taints: DeviceTaint[], generation = 1): ResourceSlice => ({ metadata: { name: `s${generation}` }, spec: { driver: 'd', nodeName: 'n', pool: { name: 'p', generation, resourceSliceCount: 1 }, devices: [{ name: 'gpu', taints }] } });
const claim = (tolerations?: DeviceToleration[]): ResourceClaim => ({ metadata: { name: 'c', namespace: 'default' }, spec: { devices: { requests: [{ name: 'r', exactly: { deviceClassName: 'x' } }] } }, status: { allocation: { devices: { results: [{ request: 'r', driver: 'd', pool: 'p', device: 'gpu', ...(tolerations && { tolerations }) }] } }, reservedFor: [{ resource: 'pods', name: 'pod', uid: 'u' }] } });
const pod = (fields: Partial<Pod['spec']> = {}): Pod => ({ metadata: { name: 'pod', namespace: 'default', uid: 'u' }, spec: { nodeName: 'n', containers: [{ name: 'c', image: 'i' }], resourceClaims: [{ name: 'r', resourceClaimName: 'c' }], ...fields } });
const broken: DeviceTaint = { key: 'broken', effect: 'NoExecute', timeAdded: at };

describe('device taint eviction', () => {
  test.each<[string, DeviceToleration[] | undefined, number | undefined]>([
    ['at once without a toleration', undefined, 10_000],
    ['never with one for ever', [{ operator: 'Exists', effect: 'NoExecute' }], undefined],
    ['after the shortest time tolerated', [{ key: 'broken', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 30 }, { operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 20 }], 30_000],
    ['at once where another effect is tolerated', [{ operator: 'Exists', effect: 'NoSchedule' }], 10_000],
  ])('drives users off %s', (_, tolerations, expected) => {
    expect(claimEvictionMs(claim(tolerations), () => [slice([broken])])).toBe(expected);
  });

  test('only the newest generation of a pool counts, and only NoExecute', () => {
    expect(evictingTaints([slice([broken], 1), slice([], 2)], 'gpu')).toEqual([]);
    expect(evictingTaints([slice([{ key: 'x', effect: 'NoSchedule' }])], 'gpu')).toEqual([]);
  });

  test('a pod that is on no node, or that the claim is not reserved for, stays', () => {
    const due = (one: Pod) => podEvictionMs(one, () => claim(), () => [slice([broken])]);
    expect([due(pod()), due(pod({ nodeName: undefined })), due({ ...pod(), metadata: { ...pod().metadata, uid: 'other' } })]).toEqual([10_000, undefined, undefined]);
  });

  test('a tainted device takes its pod along, after a restart too; what is tolerated long enough is called off', async () => {
    bench = await runOnBench([deviceTaintEvictionController]);
    const { client } = bench;
    const made = await client.create(pods, pod());
    const { status, ...wanted } = claim([{ operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 60 }]);
    const stored = await client.create(resourceClaims, wanted);
    await client.updateStatus(resourceClaims, { ...stored, status: { ...status, reservedFor: [{ resource: 'pods', name: 'pod', uid: made.metadata.uid! }] } });
    await client.create(resourceSlices, slice([{ ...broken, timeAdded: undefined }]));
    await bench.advance(5000);
    const [found] = (await client.list(resourceSlices)).items;
    await client.update(resourceSlices, { ...found, spec: { ...found.spec, devices: [{ name: 'gpu' }] } });
    await bench.advance(1000);
    const said = async () => (await client.list(events, { namespace: 'default' })).items.map((event) => event.message);
    expect(await said()).toEqual(['Cancelling deletion']);
    const again = await client.get(resourceSlices, found.metadata.name!);
    await client.update(resourceSlices, { ...again, spec: { ...again.spec, devices: [{ name: 'gpu', taints: [{ key: 'broken', effect: 'NoExecute' }] }] } });
    await bench.restart();
    expect((await client.get(pods, 'pod', { namespace: 'default' })).metadata.deletionTimestamp).toBeUndefined();
    await bench.advance(61_000);
    expect(await said()).toContain('Marking for deletion');
    const gone = await client.get(pods, 'pod', { namespace: 'default' }).catch(() => undefined);
    expect(gone?.metadata.deletionTimestamp ?? 'gone').toBeTruthy();
  });
});
