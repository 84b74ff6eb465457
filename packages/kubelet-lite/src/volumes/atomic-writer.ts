/**
 * Files that change together: written into a new timestamped directory, to which the link `..data` is then turned in
 * one step; each file is a link through it. Readers see the old set or the new one (k8s.io/kubernetes AtomicWriter).
 */
import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, renameSync, rmSync, statSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { formatTime } from '@pilothouse/base';

export interface FilePayload {
  data: Uint8Array;
  mode: number;
  /** Owner, where it is not root. */
  uid?: number;
}

const dataLink = '..data';

/** Brings the directory to the payload (path → file); true where something changed. `gid`: group of all files. @throws for paths that leave the directory */
export function writeAtomically(dir: string, payload: ReadonlyMap<string, FilePayload>, options: { nowMs: number; gid?: number }): boolean {
  for (const path of payload.keys()) checkPath(path);
  mkdirSync(dir, { recursive: true });
  const link = join(dir, dataLink);
  const current = existsSync(link) ? join(dir, readlinkSync(link)) : undefined;
  const stale = current ? filesUnder(current).filter((path) => !payload.has(path)) : [];
  const changed = !current || stale.length > 0 || [...payload].some(([path, file]) => differs(join(current, path), file));
  if (!changed) {
    linkFiles(dir, payload);
    return false;
  }
  const stamp = formatTime(options.nowMs).replace(/[-:]/g, '_').replace('T', '_').replace('Z', '');
  const fresh = mkdtempSync(join(dir, `..${stamp}.`));
  chmodSync(fresh, 0o755);
  for (const [path, file] of payload) {
    const target = join(fresh, path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, file.data);
    chmodSync(target, file.mode);
    if (file.uid !== undefined || options.gid !== undefined) chownSync(target, file.uid ?? 0, options.gid ?? 0);
  }
  const next = join(dir, '..data_tmp');
  rmSync(next, { force: true });
  symlinkSync(fresh.slice(dir.length + 1), next);
  renameSync(next, link);
  linkFiles(dir, payload);
  for (const path of stale) {
    const top = path.split('/')[0];
    if (![...payload.keys()].some((p) => p.split('/')[0] === top)) rmSync(join(dir, top), { force: true });
  }
  if (current) rmSync(current, { recursive: true, force: true });
  return true;
}

function checkPath(path: string): void {
  if (path === '' || path.startsWith('/')) throw new Error(`invalid path: must be relative path: ${path}`);
  if (path.split('/').includes('..')) throw new Error(`invalid path: must not contain '..': ${path}`);
  if (path.startsWith('..')) throw new Error(`invalid path: must not start with '..': ${path}`);
}

/** The user's view: a link per first path segment. */
function linkFiles(dir: string, payload: ReadonlyMap<string, FilePayload>): void {
  for (const top of new Set([...payload.keys()].map((path) => path.split('/')[0]))) {
    const path = join(dir, top);
    const target = join(dataLink, top);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat?.isSymbolicLink() && readlinkSync(path) === target) continue;
    if (stat) unlinkSync(path);
    symlinkSync(target, path);
  }
}

function differs(path: string, file: FilePayload): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  return !stat?.isFile() || (stat.mode & 0o777) !== (file.mode & 0o777) || !readFileSync(path).equals(file.data);
}

function filesUnder(dir: string, prefix = ''): string[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? filesUnder(join(dir, entry.name), `${prefix}${entry.name}/`) : [`${prefix}${entry.name}`]));
}
