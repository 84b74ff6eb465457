import { exponentialBuckets, type MetricsRegistry } from '@pilothouse/base';
import type { ControllerMetrics } from './run.ts';

/** Work queues under client-go's names. */
export function controllerMetrics(registry: MetricsRegistry): ControllerMetrics {
  const adds = registry.counter('workqueue_adds_total', '[ALPHA] Total number of adds handled by workqueue', ['name']);
  const retries = registry.counter('workqueue_retries_total', '[ALPHA] Total number of retries handled by workqueue', ['name']);
  const seconds = registry.histogram('workqueue_work_duration_seconds', '[ALPHA] How long in seconds processing an item from workqueue takes.', exponentialBuckets(1e-8, 10, 12), ['name']);
  const depths = new Map<string, () => number>();
  registry.collect('gauge', 'workqueue_depth', '[ALPHA] Current depth of workqueue', ['name'], () => [...depths].map(([name, read]) => [[name], read()] as const));
  return {
    adds: (controller) => void adds.with(controller).value++,
    retries: (controller) => void retries.with(controller).value++,
    workDuration: (controller, value) => seconds.with(controller).observe(value),
    depth: (controller, read) => void depths.set(controller, read),
  };
}
