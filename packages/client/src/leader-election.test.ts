import { fakeClock, seededRandom, silentLogger } from '@pilothouse/base';
import { conflictError, leases, notFoundError } from '@pilothouse/apimachinery';
import { describe, expect, test } from 'vitest';
import { clone } from './clone.ts';
import type { Client } from './contract.ts';
import { startLeaderElection } from './leader-election.ts';

/** One lease with optimistic concurrency. */
function leaseServer() {
  let lease: any;
  let version = 0;
  let down = false;
  const guard = () => {
    if (down) throw new Error('connect ECONNREFUSED');
  };
  const store = (object: any) => {
    lease = { ...clone(object), metadata: { ...object.metadata, resourceVersion: String(++version) } };
    return clone(lease);
  };
  const client = {
    async get() {
      guard();
      if (!lease) throw notFoundError(leases, 'l');
      return clone(lease);
    },
    async create(_: unknown, object: any) {
      guard();
      return store(object);
    },
    async update(_: unknown, object: any) {
      guard();
      if (object.metadata.resourceVersion !== lease.metadata.resourceVersion) throw conflictError(leases, 'l', 'changed');
      return store(object);
    },
  } as unknown as Client;
  return { client, lease: () => lease, setDown: (value: boolean) => (down = value) };
}

describe('leader election', () => {
  test('one of two leads; when it gives the lease up the other takes it', async () => {
    const clock = fakeClock();
    const runtime = { clock, random: seededRandom(1), log: silentLogger };
    const { client, lease } = leaseServer();
    const first = startLeaderElection(client, runtime, { namespace: 'kube-system', name: 'l', identity: 'one' });
    await clock.advanceAsync(1);
    const second = startLeaderElection(client, runtime, { namespace: 'kube-system', name: 'l', identity: 'two' });
    await clock.advanceAsync(60_000);
    expect([first.leading, second.leading]).toEqual([true, false]);
    expect(lease().spec).toMatchObject({ holderIdentity: 'one', leaseDurationSeconds: 15, leaseTransitions: 0 });
    await first.close();
    expect(first.lost.aborted).toBe(true);
    await clock.advanceAsync(6_000);
    expect([first.leading, second.leading]).toEqual([false, true]);
    expect(lease().spec).toMatchObject({ holderIdentity: 'two', leaseTransitions: 1 });
    await second.close();
  });

  test('a leader that cannot renew for ten seconds stops leading', async () => {
    const clock = fakeClock();
    const { client, setDown } = leaseServer();
    const election = startLeaderElection(client, { clock, random: seededRandom(1), log: silentLogger }, { namespace: 'kube-system', name: 'l', identity: 'one' });
    await election.acquired();
    setDown(true);
    await clock.advanceAsync(7_000);
    expect(election.leading).toBe(true);
    await clock.advanceAsync(5_000);
    expect(election.leading).toBe(false);
    expect(election.lost.aborted).toBe(true);
    await election.close();
  });
});
