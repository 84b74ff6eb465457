import { formatMicroTime, messageOf, type Runtime } from '@pilothouse/base';
import type { Lease } from '@pilothouse/api-schemas/types/coordination/v1';
import { isNotFound, leases } from '@pilothouse/apimachinery';
import { clone } from './clone.ts';
import type { Client, EventRecorder, LeaderElection } from './contract.ts';
import { referenceTo } from './events/recorder.ts';

export interface LeaderElectionOptions {
  namespace: string;
  name: string;
  /** Who asks: host name and something random. */
  identity: string;
  /** How long a lease stands that its holder does not renew; default 15 s. */
  leaseDurationMs?: number;
  /** A holder that has not renewed for this long gives up; default 10 s. */
  renewDeadlineMs?: number;
  /** Pause between attempts; default 2 s. */
  retryPeriodMs?: number;
  /** Gets `LeaderElection` events. */
  recorder?: EventRecorder;
}

const jitter = 1.2;

/**
 * Holds a Lease so that one of several processes acts (client-go tools/leaderelection). Expiry is judged by when this
 * process saw the lease change, never by comparing the clocks of two machines.
 */
export function startLeaderElection(client: Client, runtime: Runtime, options: LeaderElectionOptions): LeaderElection {
  const { clock, random, log } = runtime;
  const { namespace, name, identity, leaseDurationMs = 15_000, renewDeadlineMs = 10_000, retryPeriodMs = 2_000 } = options;
  const stop = new AbortController();
  const lost = new AbortController();
  let leading = false;
  let observed: Lease | undefined;
  let observedAt = 0;
  let resolveAcquired: () => void;
  let rejectAcquired: (reason: unknown) => void;
  const acquired = new Promise<void>((resolve, reject) => {
    resolveAcquired = resolve;
    rejectAcquired = reject;
  });
  acquired.catch(() => undefined);

  const observe = (lease: Lease) => {
    if (JSON.stringify(observed?.spec) !== JSON.stringify(lease.spec)) observedAt = clock.monotonic();
    observed = lease;
  };
  const ours = () => observed?.spec?.holderIdentity === identity;
  const valid = () => observedAt + (observed?.spec?.leaseDurationSeconds ?? 0) * 1000 > clock.monotonic();

  /** Takes or renews the lease; false where somebody else holds it. */
  const attempt = async (signal: AbortSignal): Promise<boolean> => {
    const now = formatMicroTime(clock.now());
    const spec = { holderIdentity: identity, leaseDurationSeconds: Math.ceil(leaseDurationMs / 1000), acquireTime: now, renewTime: now, leaseTransitions: 0 };
    if (leading && observed && ours() && valid()) {
      const renewed = clone(observed);
      renewed.spec = { ...renewed.spec, ...spec, acquireTime: observed.spec!.acquireTime, leaseTransitions: observed.spec!.leaseTransitions };
      try {
        observe(await client.update(leases, renewed, { signal }));
        return true;
      } catch (error) {
        if (signal.aborted) throw error;
        // Somebody wrote the lease: look at it and decide.
      }
    }
    let current: Lease;
    try {
      current = await client.get(leases, name, { namespace, signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      observe(await client.create(leases, { metadata: { name, namespace }, spec }, { signal }));
      return true;
    }
    observe(current);
    const holder = current.spec?.holderIdentity;
    if (holder && holder !== identity && valid()) return false;
    const next = clone(current);
    const transitions = current.spec?.leaseTransitions ?? 0;
    next.spec = holder === identity ? { ...next.spec, ...spec, acquireTime: current.spec!.acquireTime, leaseTransitions: transitions } : { ...next.spec, ...spec, leaseTransitions: transitions + 1 };
    observe(await client.update(leases, next, { signal }));
    return true;
  };

  const tryOnce = async (signal: AbortSignal): Promise<boolean> => {
    try {
      return await attempt(signal);
    } catch (error) {
      if (!signal.aborted) log.debug('Leader election attempt failed', { lease: `${namespace}/${name}`, reason: messageOf(error) });
      return false;
    }
  };

  const say = (message: string) => observed && options.recorder?.event(referenceTo(leases, observed), 'Normal', 'LeaderElection', `${identity} ${message}`);

  const renew = async () => {
    let renewedAt = clock.monotonic();
    while (!stop.signal.aborted) {
      await clock.sleep(retryPeriodMs, stop.signal).catch(() => undefined);
      if (stop.signal.aborted) return;
      // An attempt that hangs must not outlast the deadline, or two could lead.
      const deadline = new AbortController();
      const timer = clock.after(Math.max(0, renewedAt + renewDeadlineMs - clock.monotonic()), () => deadline.abort(new Error('renewing took too long')));
      const renewed = await tryOnce(deadline.signal);
      timer.cancel();
      if (renewed) renewedAt = clock.monotonic();
      else if (!ours() || clock.monotonic() - renewedAt >= renewDeadlineMs) return;
    }
  };

  const run = async () => {
    while (!stop.signal.aborted && !(await tryOnce(stop.signal))) {
      await clock.sleep(retryPeriodMs * (1 + random.next() * jitter), stop.signal).catch(() => undefined);
    }
    if (stop.signal.aborted) return rejectAcquired(stop.signal.reason);
    leading = true;
    log.info('Became leader', { lease: `${namespace}/${name}`, identity });
    say('became leader');
    resolveAcquired();
    await renew();
    leading = false;
    say('stopped leading');
    lost.abort(new Error(`the lease ${namespace}/${name} is no longer held`));
  };
  const running = run();

  const release = async () => {
    if (!observed || !ours()) return;
    const now = formatMicroTime(clock.now());
    const given = clone(observed);
    given.spec = { ...given.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: now, acquireTime: now };
    await client.update(leases, given).catch((error) => log.debug('Could not release the lease', { reason: messageOf(error) }));
  };

  let closing: Promise<void> | undefined;
  return {
    get leading() {
      return leading;
    },
    acquired: () => acquired,
    lost: lost.signal,
    close() {
      closing ??= (async () => {
        stop.abort(new Error('leader election is closing'));
        await running;
        await release();
        lost.abort(stop.signal.reason);
      })();
      return closing;
    },
  };
}
