import { metricsRegistry } from '@pilothouse/base';
import { nodes, pods } from '@pilothouse/apimachinery';
import { afterEach, expect, test } from 'vitest';
import { collectSchedulerState, schedulerMetrics } from './metrics.ts';
import { bench, bound, closeBenches, condition, get, node_, pod_ } from './suite/scheduler-bench.ts';

afterEach(closeBenches);

test('what the scheduler counts has upstream\'s names and adds up', async () => {
  const registry = metricsRegistry();
  const b = await bench({ nodes: [node_('node-1', '4'), node_('node-2', '4')], metrics: schedulerMetrics(registry) });
  collectSchedulerState(registry, b.scheduler);
  await b.client.create(pods, pod_('low', '3', { nodeSelector: { 'kubernetes.io/hostname': 'node-1' } }));
  await bound(b, 'low');
  await b.client.create(pods, pod_('huge', '9'));
  await condition(b, 'huge');
  await b.client.create(pods, pod_('gated', '1', { schedulingGates: [{ name: 'example.com/wait' }] }));
  await b.client.create(pods, pod_('high', '3', { priority: 10, nodeSelector: { 'kubernetes.io/hostname': 'node-1' } }));
  // Nobody here is the kubelet that lets go of what was evicted.
  await b.until(async () => (await get(b, 'low')).metadata.deletionTimestamp);
  await b.client.delete(pods, 'low', { namespace: 'default', gracePeriodSeconds: 0 });
  await bound(b, 'high');
  await b.client.delete(nodes, 'node-2');
  await b.advance(1000);
  const text = registry.text();
  const value = (series: string) => Number(text.split('\n').find((line) => line.startsWith(`${series} `))?.split(' ').at(-1));
  expect({
    scheduled: value('scheduler_schedule_attempts_total{profile="default-scheduler",result="scheduled"}'),
    algorithm: value('scheduler_scheduling_algorithm_duration_seconds_count'),
    preempted: value('scheduler_preemption_attempts_total'),
    evicted: value('scheduler_preemption_goroutines_execution_total{result="success"}'),
    unschedulable: value('scheduler_pending_pods{queue="unschedulable"}'),
    gated: value('scheduler_pending_pods{queue="gated"}'),
    byFit: value('scheduler_unschedulable_pods{plugin="NodeResourcesFit",profile="default-scheduler"}'),
    byGates: value('scheduler_unschedulable_pods{plugin="SchedulingGates",profile="default-scheduler"}'),
    nodes: value('scheduler_cache_size{type="nodes"}'),
    pods: value('scheduler_cache_size{type="pods"}'),
    binding: value('scheduler_goroutines{operation="binding"}'),
    bound: value('scheduler_framework_extension_point_duration_seconds_count{extension_point="Bind",profile="default-scheduler",status="Success"}'),
    flushed: value('scheduler_pod_scheduled_after_flush_total'),
  }).toEqual({ scheduled: 2, algorithm: 5, preempted: 1, evicted: 1, unschedulable: 1, gated: 1, byFit: 1, byGates: 1, nodes: 1, pods: 1, binding: 0, bound: 2, flushed: 0 });
});
