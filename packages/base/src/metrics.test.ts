import { expect, test } from 'vitest';
import { exponentialBuckets, metricsRegistry } from './metrics.ts';

test('text has help, type, labels in order of their names, and escapes', () => {
  const registry = metricsRegistry();
  const requests = registry.counter('requests_total', 'How\nmany', ['verb', 'code']);
  requests.with('GET', '200').value++;
  requests.with('GET', '200').value++;
  requests.with('a"b\\', '500').value++;
  expect(registry.text()).toBe('# HELP requests_total How\\nmany\n# TYPE requests_total counter\nrequests_total{code="200",verb="GET"} 2\nrequests_total{code="500",verb="a\\"b\\\\"} 1\n');
});

test('a histogram counts what is at most each bound', () => {
  const registry = metricsRegistry();
  const seconds = registry.histogram('seconds', 'Time', [0.1, 1]).with();
  for (const value of [0.1, 0.5, 7]) seconds.observe(value);
  expect(registry.text().split('\n').slice(2, -1)).toEqual(['seconds_bucket{le="0.1"} 1', 'seconds_bucket{le="1"} 2', 'seconds_bucket{le="+Inf"} 3', 'seconds_sum 7.6', 'seconds_count 3']);
});

test('collected values are read when asked for, and a name without values is left out', () => {
  const registry = metricsRegistry();
  let objects = 1;
  registry.collect('gauge', 'objects', 'Held', ['resource'], () => [[['pods'], objects]]);
  registry.counter('nothing_total', 'Never', ['x']);
  objects = 2;
  expect(registry.text()).toBe('# HELP objects Held\n# TYPE objects gauge\nobjects{resource="pods"} 2\n');
});

test('a name that is registered already keeps its series', () => {
  const registry = metricsRegistry();
  registry.counter('a_total', 'A').with().value++;
  registry.counter('a_total', 'A').with().value++;
  expect(registry.text()).toContain('a_total 2');
});

test('exponential buckets', () => {
  expect(exponentialBuckets(1e-8, 10, 4)).toEqual([1e-8, 1e-7, 1e-6, 1e-5]);
});
