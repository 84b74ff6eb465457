/**
 * A backup: what a store held at one revision, as lines of JSON, gzipped (`zcat FILE | jq` shows it).
 *
 * - first line: `{"format":"pilothouse-backup","version":1,"revision":…,"createdAt":"…"}`
 * - a line per key: `{"key","createRevision","modRevision","value"}`, values as text, or as `base64` where they are no
 *   UTF-8; `expiresAtMs` (wall-clock milliseconds) where the key is to expire
 * - last line: `{"entries":…,"sha256":"…"}`, the checksum of all bytes before it
 *
 * The file appears under its name once it is whole and on disk.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { formatTime, type Runtime, UserError } from '@pilothouse/base';
import type { Entry, Revision } from '../contract.ts';

/** A key as a backup has it. */
export interface BackupEntry extends Entry {
  /** Wall-clock milliseconds when the key is to be deleted. */
  expiresAtMs?: number;
}

/** What a store held at one revision. */
export interface Snapshot {
  revision: Revision;
  entries: Iterable<BackupEntry> | AsyncIterable<BackupEntry>;
}

export interface BackupHeader {
  /** Every write acknowledged at or before it is in the backup, none after it. */
  revision: Revision;
  /** RFC 3339. */
  createdAt: string;
}

const format = 'pilothouse-backup';
const version = 1;
/** Lines are handed on in pieces of about so many characters. */
const pieceLength = 64 * 1024;

/** Writes the backup; resolves with the number of keys once it is on disk. @throws UserError when the file cannot be written */
export async function writeBackup({ clock }: Pick<Runtime, 'clock'>, file: string, { revision, entries }: Snapshot): Promise<number> {
  const part = `${file}.part`;
  let count = 0;
  async function* text(): AsyncGenerator<string> {
    const hash = createHash('sha256');
    let piece = `${JSON.stringify({ format, version, revision, createdAt: formatTime(clock.now()) })}\n`;
    for await (const entry of entries) {
      piece += `${lineOf(entry)}\n`;
      count++;
      if (piece.length < pieceLength) continue;
      hash.update(piece);
      yield piece;
      piece = '';
    }
    hash.update(piece);
    yield `${piece}${JSON.stringify({ entries: count, sha256: hash.digest('hex') })}\n`;
  }
  try {
    const handle = await open(part, 'w', 0o600);
    await pipeline(text, createGzip({ level: 1 }), handle.createWriteStream({ flush: true }));
    await rename(part, file);
  } catch (error) {
    await rm(part, { force: true });
    if ((error as NodeJS.ErrnoException).syscall) throw new UserError(`cannot write the backup ${file}: ${(error as Error).message}`, { cause: error });
    throw error;
  }
  return count;
}

function lineOf({ key, value, createRevision, modRevision, expiresAtMs }: BackupEntry): string {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  const text = bytes.toString();
  const content = Buffer.byteLength(text) === bytes.length && Buffer.from(text).equals(bytes) ? { value: text } : { base64: bytes.toString('base64') };
  return JSON.stringify({ key, createRevision, modRevision, ...(expiresAtMs && { expiresAtMs }), ...content });
}

/** A backup that was read through once and found whole. */
export interface Backup extends BackupHeader {
  file: string;
  count: number;
  /** Reads the keys from the file. @throws UserError when it has changed since */
  entries(): AsyncIterable<BackupEntry>;
}

/** Opens a backup and makes sure that it is whole. @throws UserError for a file that is cut short, was altered, or is something else */
export async function openBackup(file: string): Promise<Backup> {
  let header: BackupHeader | undefined;
  let count = 0;
  for await (const line of lines(file)) {
    if ('revision' in line) header = line;
    else count++;
  }
  return {
    ...header!,
    file,
    count,
    async *entries() {
      for await (const line of lines(file)) if ('key' in line) yield line;
    },
  };
}

const altered = (file: string, cause?: unknown) => new UserError(`the backup ${file} was altered: its content does not fit its checksum`, { cause });
const cutShort = (file: string, cause?: unknown) => new UserError(`the backup ${file} is cut short`, { cause });
const foreign = (file: string, cause?: unknown) => new UserError(`${file} is not a backup made by pilothouse backup`, { cause });

/** The header and the keys; ends only when the checksum was right. */
async function* lines(file: string): AsyncGenerator<BackupHeader | BackupEntry> {
  const hash = createHash('sha256');
  let count = 0;
  let state: 'begin' | 'keys' | 'end' = 'begin';
  for await (const line of textLines(file)) {
    let parsed: any;
    try {
      parsed = JSON.parse(line);
    } catch (error) {
      throw state === 'begin' ? foreign(file, error) : altered(file, error);
    }
    if (state === 'begin') {
      if (parsed?.format !== format) throw foreign(file);
      if (parsed.version !== version) throw new UserError(`the backup ${file} is of version ${parsed.version}, this Pilothouse reads version ${version}`);
      state = 'keys';
    } else if (state === 'keys' && parsed.sha256) {
      if (parsed.sha256 !== hash.digest('hex') || parsed.entries !== count) throw altered(file);
      state = 'end';
      continue;
    } else if (state === 'keys' && typeof parsed.key === 'string') count++;
    else throw altered(file);
    hash.update(line).update('\n');
    if ('key' in parsed) yield { key: parsed.key, createRevision: parsed.createRevision, modRevision: parsed.modRevision, value: parsed.base64 === undefined ? Buffer.from(parsed.value) : Buffer.from(parsed.base64, 'base64'), ...(parsed.expiresAtMs && { expiresAtMs: parsed.expiresAtMs }) };
    else yield { revision: parsed.revision, createdAt: parsed.createdAt };
  }
  if (state !== 'end') throw state === 'begin' ? foreign(file) : cutShort(file);
}

async function* textLines(file: string): AsyncGenerator<string> {
  const source = createReadStream(file);
  const gunzip = createGunzip();
  source.once('error', (error) => gunzip.destroy(error));
  let rest: Buffer = Buffer.alloc(0);
  let started = false;
  try {
    for await (const piece of source.pipe(gunzip) as AsyncIterable<Buffer>) {
      rest = rest.length ? Buffer.concat([rest, piece]) : piece;
      let from = 0;
      for (let end = rest.indexOf(0x0a, from); end >= 0; end = rest.indexOf(0x0a, from)) {
        started = true;
        yield rest.toString('utf8', from, end);
        from = end + 1;
      }
      rest = rest.subarray(from);
    }
  } catch (error) {
    const { code, syscall, message } = error as NodeJS.ErrnoException;
    if (syscall) throw new UserError(`cannot read the backup ${file}: ${message}`, { cause: error });
    if (code === 'Z_BUF_ERROR') throw cutShort(file, error);
    if (code?.startsWith('Z_')) throw started ? altered(file, error) : foreign(file, error);
    throw error;
  } finally {
    source.destroy();
    gunzip.destroy();
  }
  if (rest.length) throw started ? altered(file) : foreign(file);
}
