import { expect, test } from 'vitest';
import { Scope } from './scope.ts';

test('closers run newest first, each awaited, and only once', async () => {
  const scope = new Scope('test');
  const order: string[] = [];
  scope.defer(() => void order.push('first'));
  scope.defer(async () => { await Promise.resolve(); order.push('second'); });
  await Promise.all([scope.close(), scope.close()]);
  expect(order).toEqual(['second', 'first']);
});

test('one failing closer does not keep the others from running', async () => {
  const scope = new Scope('test');
  let ran = false;
  scope.defer(() => { ran = true; });
  scope.defer(() => { throw new Error('no'); });
  await expect(scope.close()).rejects.toThrow('closing test failed');
  expect(ran).toBe(true);
});

test('a child ends with its parent, and a closed child is forgotten', async () => {
  const parent = new Scope('parent');
  const child = parent.child('child');
  await child.close();
  const other = parent.child('other');
  await parent.close();
  expect(other.signal.aborted).toBe(true);
});
