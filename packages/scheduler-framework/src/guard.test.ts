import { describe, expect, test } from 'vitest';
import { guarded } from './guard.ts';
import { PodInfo } from './pod/pod-info.ts';
import { pod } from './testing/bench.ts';

const boom = () => {
  throw new Error('boom');
};
const info = new PodInfo(pod('p'));
const points = ['queueSort', 'preEnqueue', 'preFilter', 'filter', 'postFilter', 'preScore', 'score', 'normalize', 'reserve', 'unreserve', 'permit', 'preBind', 'bind', 'postBind'] as const;

describe('a plugin that throws', () => {
  const told: string[] = [];
  const plugin = guarded('Bad', Object.fromEntries(points.map((p) => [p, boom])), (point) => told.push(point)) as any;
  const failed = { code: 'Error', reasons: ['boom'] };

  test.each(['preEnqueue', 'preFilter', 'filter', 'preScore', 'reserve', 'permit'])('in %s fails the pod with its message', (point) => {
    expect(plugin[point](info)).toMatchObject(failed);
  });
  test.each(['preBind', 'bind'])('in %s fails the pod with its message', async (point) => {
    expect(await plugin[point](info)).toMatchObject(failed);
  });
  test('in postFilter makes no room', () => expect(plugin.postFilter(info)).toMatchObject({ verdict: failed }));
  test('while it scores is named', () => {
    expect(() => plugin.score(undefined, info, 0)).toThrow('running Score plugins: plugin "Bad" failed with: boom');
    expect(() => plugin.normalize(undefined, [])).toThrow('running Normalize on Score plugins: plugin "Bad" failed with: boom');
  });
  test('where nothing hangs on it is told of, and that is all', () => {
    plugin.unreserve();
    plugin.postBind();
    expect(plugin.queueSort()).toBe(false);
    expect(told).toEqual(['unreserve', 'postBind', 'queueSort']);
  });
});

describe('a plugin from outside', () => {
  test('that answers with what is no verdict is told what was needed', () => {
    const plugin = guarded('Odd', { filter: () => false as never, permit: () => ({ wait: 5 }), preFilter: () => undefined as never }, boom);
    expect(plugin.filter!(undefined, info, 0)).toMatchObject({ code: 'Error', reasons: ['filter of Odd must return nothing or { code, reasons }'] });
    expect(plugin.permit!(info, 'n')).toEqual({ wait: 5 });
    expect(plugin.preFilter!(info)).toEqual({ state: undefined });
  });

  test('may be an object of a class', () => {
    class Own {
      readonly reason = 'own';
      filter() {
        return { code: 'Unschedulable' as const, reasons: [this.reason] };
      }
    }
    expect(guarded('Own', new Own(), boom).filter!(undefined, info, 0)?.reasons).toEqual(['own']);
  });
});
