/** Keeps container logs from filling the disk: a log that has grown is put aside and the runtime begins a new one. */
import { existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { formatTime } from '@pilothouse/base';
import { type Cri, isNotFound } from '../cri/contract.ts';

export interface RotationOptions {
  cri: Cri;
  nowMs: number;
  /** Default 10 MiB (containerLogMaxSize). */
  maxBytes?: number;
  /** With the one being written; default 5 (containerLogMaxFiles). */
  maxFiles?: number;
}

const defaultMaxBytes = 10 * 1024 * 1024;

/** Rotates the log where it is too large. @returns whether it did */
export async function rotateLog(container: { id: string; logPath: string }, { cri, nowMs, maxBytes = defaultMaxBytes, maxFiles = 5 }: RotationOptions): Promise<boolean> {
  const { id, logPath } = container;
  if (!logPath || !existsSync(logPath) || statSync(logPath).size < maxBytes) return false;
  const aside = `${logPath}.${formatTime(nowMs).replace(/[-:TZ]/g, (c) => (c === 'T' ? '-' : ''))}`;
  const older = readdirSync(dirname(logPath)).filter((name) => name.startsWith(`${basename(logPath)}.`)).sort();
  for (const name of older.slice(0, Math.max(0, older.length - (maxFiles - 2)))) rmSync(join(dirname(logPath), name), { force: true });
  renameSync(logPath, aside);
  try {
    await cri.call('ReopenContainerLog', { containerId: id });
  } catch (error) {
    // Still written to under its new name: give it back, and try again later.
    if (!existsSync(logPath)) renameSync(aside, logPath);
    if (!isNotFound(error)) throw error;
  }
  return true;
}
