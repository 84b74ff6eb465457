import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** Both halves of the young generation together, in bytes. */
const mostBytes = 32 * 1024 * 1024;

/**
 * Keeps V8's young generation from growing beyond 16 MB a half. Node's default lets it reach 64 MB, of which a server
 * under load then uses next to nothing: what a request makes is garbage when it is answered. The limit proper
 * (`--max-semi-space-size`) is read once, before any program runs; its growth can be stopped at any time.
 */
export function limitYoungGeneration(): void {
  let growing = true;
  new PerformanceObserver(() => {
    const young = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
    const wanted = (young?.space_size ?? 0) < mostBytes;
    if (wanted === growing) return;
    growing = wanted;
    setFlagsFromString(`--semi-space-growth-factor=${growing ? 2 : 1}`);
  }).observe({ type: 'gc' });
}
