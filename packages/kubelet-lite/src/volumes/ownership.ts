/** fsGroup: a volume's files belong to the pod's group, and the group may write. */
import { chmodSync, lchownSync, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const setgid = 0o2000;
const groupWrite = 0o660;
const groupRead = 0o440;
const groupExecute = 0o110;

/** Walks the whole volume, unless the policy is OnRootMismatch and its root is right already. */
export function setVolumeOwnership(root: string, options: { fsGroup: number; readOnly?: boolean; policy?: string }): void {
  const mask = options.readOnly ? groupRead : groupWrite;
  if (options.policy === 'OnRootMismatch') {
    const stat = lstatSync(root);
    const wanted = mask | setgid | groupExecute;
    if (stat.gid === options.fsGroup && (stat.mode & wanted) === wanted) return;
  }
  change(root, options.fsGroup, mask);
}

function change(path: string, gid: number, mask: number): void {
  const stat = lstatSync(path);
  lchownSync(path, stat.uid, gid);
  if (stat.isSymbolicLink()) return;
  if (stat.isDirectory()) {
    for (const name of readdirSync(path)) change(join(path, name), gid, mask);
    chmodSync(path, (stat.mode & 0o7777) | mask | groupExecute | setgid);
  } else chmodSync(path, (stat.mode & 0o7777) | mask);
}
