/**
 * One timer for all nodes of a process: every node's turn to renew its Lease and to look at its status comes once per
 * period, spread evenly over it, with few requests under way at once.
 */
import type { Clock, Timer } from '@pilothouse/base';

export interface Heartbeats {
  /** Calls `beat` about every `periodMs`, never twice at once for one node. @returns its removal */
  add(beat: () => Promise<void>): () => void;
  close(): void;
}

interface Member {
  beat: () => Promise<void>;
  dueMs: number;
  busy: boolean;
}

export function createHeartbeats({ clock, periodMs = 10_000, mostAtOnce = 32 }: { clock: Clock; periodMs?: number; mostAtOnce?: number }): Heartbeats {
  const members = new Set<Member>();
  let timer: Timer | undefined;
  let active = 0;
  const tickMs = Math.max(100, Math.floor(periodMs / 50));

  const tick = () => {
    const now = clock.monotonic();
    for (const member of members) {
      if (active >= mostAtOnce) break;
      if (member.busy || member.dueMs > now) continue;
      members.delete(member);
      members.add(member);
      member.busy = true;
      // Late ones do not catch up: the period counts from here.
      member.dueMs = now + periodMs;
      active++;
      void member.beat().catch(() => undefined).finally(() => {
        member.busy = false;
        active--;
      });
    }
  };
  return {
    add(beat) {
      // Newcomers are spread over the period by their number.
      const member: Member = { beat, dueMs: clock.monotonic() + ((members.size * 0.618) % 1) * periodMs, busy: false };
      members.add(member);
      timer ??= clock.every(members.size === 1 ? Math.min(tickMs, 200) : tickMs, tick);
      return () => void members.delete(member);
    },
    close() {
      timer?.cancel();
      timer = undefined;
      members.clear();
    },
  };
}
