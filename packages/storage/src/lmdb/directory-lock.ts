/**
 * One process at a time in a data directory. The lock is a file that names its holder; since such files outlive a
 * killed process, a lock is void once its holder is known to be gone.
 */
import { linkSync, readFileSync, readlinkSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { type Runtime, UserError } from '@pilothouse/base';

interface Holder {
  pid: number;
  /** When the process began, in the kernel's ticks since boot: tells it from a later one with its pid. */
  started: string;
  /** The boot of the machine, and the pid namespace (a container's), in which `pid` means something. */
  boot: string;
  namespace: string;
  host: string;
}

/** A holder in another container cannot be looked up: it is taken for dead when it has not touched its lock for so long. */
const silentMs = 20_000;
const touchMs = 5_000;

const readOr = (read: () => string, otherwise: string): string => {
  try {
    return read().trim();
  } catch {
    return otherwise;
  }
};

/** The start of a process in ticks (field 22 of its stat line); empty when there is no such process, or no /proc. */
const startOf = (pid: number): string => readOr(() => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ')[19], '');

const self = (): Holder => ({
  pid: process.pid,
  started: startOf(process.pid),
  boot: readOr(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'), ''),
  namespace: readOr(() => readlinkSync('/proc/self/ns/pid'), ''),
  host: hostname(),
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Pure but for the look at the process: whether `holder` may still be at work. `silenceMs`: since it touched its lock. */
function mayLive(holder: Holder, me: Holder, silenceMs: number): boolean {
  if (holder.boot !== me.boot) return false;
  if (holder.namespace !== me.namespace) return silenceMs < silentMs;
  return isRunning(holder.pid) && (holder.started === '' || holder.started === startOf(holder.pid));
}

export interface DirectoryLock {
  release(): void;
}

/** Takes the lock of a directory. @throws UserError when another process holds it */
export function lockDirectory({ clock }: Runtime, dir: string): DirectoryLock {
  const path = join(dir, 'lock');
  const me = self();
  const text = JSON.stringify(me);
  const mine = `${path}.${me.pid}.${me.started}`;
  writeFileSync(mine, text, { mode: 0o600 });
  try {
    for (let attempt = 0; ; attempt++) {
      try {
        // A link appears with its content, or not at all.
        linkSync(mine, path);
        break;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const found = readOr(() => readFileSync(path, 'utf8'), '');
      const holder = parse(found);
      const silence = silenceOf(path, clock.now());
      if (attempt > 10 || (holder && mayLive(holder, me, silence))) {
        throw new UserError(`the data directory ${dir} is in use by ${holder ? `process ${holder.pid} on ${holder.host}` : 'another process'}`);
      }
      setAside(path, `${mine}.old`, found);
    }
  } finally {
    rmSync(mine, { force: true });
  }
  const timer = clock.every(touchMs, () => touch(path, clock.now()));
  return {
    release() {
      timer.cancel();
      if (readOr(() => readFileSync(path, 'utf8'), '') === text) rmSync(path, { force: true });
    },
  };
}

/** Whether a process has the directory now, as far as can be told. */
export function isDirectoryInUse({ clock }: Pick<Runtime, 'clock'>, dir: string): boolean {
  const path = join(dir, 'lock');
  const holder = parse(readOr(() => readFileSync(path, 'utf8'), ''));
  return holder !== undefined && mayLive(holder, self(), silenceOf(path, clock.now()));
}

/** Removes a void lock, unless another process was quicker and has put its own in its place. */
function setAside(path: string, aside: string, found: string): void {
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  const taken = readOr(() => readFileSync(aside, 'utf8'), '');
  if (taken !== found) {
    try {
      linkSync(aside, path);
    } catch {
      // A third process came in between. Three that start in the same millisecond on a void lock are not told apart.
    }
  }
  rmSync(aside, { force: true });
}

function parse(text: string): Holder | undefined {
  try {
    const holder = JSON.parse(text);
    return typeof holder?.pid === 'number' ? holder : undefined;
  } catch {
    return undefined;
  }
}

function silenceOf(path: string, nowMs: number): number {
  try {
    return nowMs - statSync(path).mtimeMs;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

function touch(path: string, nowMs: number): void {
  try {
    utimesSync(path, nowMs / 1000, nowMs / 1000);
  } catch {
    // Nothing better to do; only holders in other containers go by it.
  }
}
