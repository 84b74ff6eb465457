import type { Clock } from '@pilothouse/base';

/** A token bucket: `burst` at once, refilled at `qps` per second. */
export interface TokenBucket {
  /** Takes a token if there is one. */
  tryTake(): boolean;
  /** Takes a token, waiting for it in the order of asking. */
  take(signal?: AbortSignal): Promise<void>;
}

export function tokenBucket(clock: Clock, options: { qps: number; burst: number }): TokenBucket {
  const { qps, burst } = options;
  let tokens = burst;
  let last = clock.monotonic();
  const refill = () => {
    const now = clock.monotonic();
    tokens = Math.min(burst, tokens + ((now - last) / 1000) * qps);
    last = now;
  };
  return {
    tryTake() {
      refill();
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
    async take(signal) {
      refill();
      tokens -= 1;
      if (tokens < 0) await clock.sleep((-tokens / qps) * 1000, signal);
    },
  };
}
