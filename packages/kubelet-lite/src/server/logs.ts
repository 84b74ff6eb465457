/** Container logs as `kubectl logs` asks for them: from a file that may still grow. */
import { createReadStream, existsSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { type Clock, parseTime } from '@pilothouse/base';
import { type LogLine, parseLogLine } from '../pods/log-tail.ts';

export interface LogOptions {
  follow: boolean;
  timestamps: boolean;
  tailLines?: number;
  limitBytes?: number;
  sinceMs?: number;
  stream: 'All' | 'Stdout' | 'Stderr';
}

/** Reads the query as PodLogOptions. @throws Error for values that are none */
export function logOptions(query: URLSearchParams, nowMs: number): LogOptions & { previous: boolean } {
  const flag = (name: string) => ['true', '1'].includes(query.get(name) ?? '');
  const number = (name: string) => {
    const text = query.get(name);
    if (text === null || text === '') return undefined;
    const value = Number(text);
    if (!Number.isInteger(value) || value < 0) throw new Error(`${name}: Invalid value: ${JSON.stringify(text)}: must be greater than or equal to 0`);
    return value;
  };
  const sinceSeconds = number('sinceSeconds');
  const sinceTime = query.get('sinceTime');
  const sinceMs = sinceTime ? parseTime(sinceTime) : sinceSeconds === undefined ? undefined : nowMs - sinceSeconds * 1000;
  if (sinceMs !== undefined && Number.isNaN(sinceMs)) throw new Error(`sinceTime: Invalid value: ${JSON.stringify(sinceTime)}`);
  const stream = query.get('stream') ?? 'All';
  if (stream !== 'All' && stream !== 'Stdout' && stream !== 'Stderr') throw new Error(`stream: Unsupported value: ${JSON.stringify(stream)}`);
  return { follow: flag('follow'), timestamps: flag('timestamps'), tailLines: number('tailLines'), limitBytes: number('limitBytes'), sinceMs, stream, previous: flag('previous') };
}

const chunkBytes = 64 * 1024;
const newline = 0x0a;
const pollMs = 100;

/** Formats lines by the options: time stamps, streams, since; then counts the bytes. */
function createFilter(options: LogOptions): (line: LogLine) => Buffer | undefined {
  let left = options.limitBytes ?? Number.POSITIVE_INFINITY;
  let partial = false;
  return (line) => {
    if (left <= 0) return undefined;
    if (options.stream !== 'All' && line.stream !== options.stream.toLowerCase()) return Buffer.alloc(0);
    if (options.sinceMs !== undefined && parseTime(line.time) < options.sinceMs) return Buffer.alloc(0);
    // A line in parts has its time once.
    let out = options.timestamps && !partial ? Buffer.concat([Buffer.from(`${line.time} `), line.text]) : line.text;
    partial = line.text[line.text.length - 1] !== newline;
    if (out.length > left) out = out.subarray(0, left);
    left -= out.length;
    return out;
  };
}

/** Where the last `count` lines of the file begin. */
async function tailOffset(path: string, count: number, stream: LogOptions['stream']): Promise<number> {
  const { size } = statSync(path);
  if (count === 0) return size;
  const file = await open(path, 'r');
  try {
    // Streams are told apart only by reading each line, so all of it is read then.
    if (stream !== 'All') return 0;
    let position = size;
    let found = 0;
    const buffer = Buffer.alloc(chunkBytes);
    while (position > 0) {
      const length = Math.min(chunkBytes, position);
      position -= length;
      await file.read(buffer, 0, length, position);
      for (let i = length - 1; i >= 0; i--) {
        if (buffer[i] !== newline || position + i === size - 1) continue;
        if (++found === count) return position + i + 1;
      }
    }
    return 0;
  } finally {
    await file.close();
  }
}

/**
 * The log, piece by piece. Following ends when `running` says no and all has been read, or `signal` aborts.
 */
export async function* readLog(path: string, options: LogOptions, { clock, running, signal }: { clock: Clock; running(): Promise<boolean>; signal: AbortSignal }): AsyncGenerator<Buffer> {
  if (!existsSync(path)) return;
  const filter = createFilter(options);
  let offset = options.tailLines === undefined ? 0 : await tailOffset(path, options.tailLines, options.stream);
  const skipByStream = options.tailLines !== undefined && options.stream !== 'All' ? options.tailLines : undefined;
  if (skipByStream !== undefined) {
    const lines: Buffer[] = [];
    for await (const part of readFrom(path, 0)) for (const line of part.lines) if (line.stream === options.stream.toLowerCase()) lines.push(filter(line) ?? Buffer.alloc(0));
    yield Buffer.concat(lines.slice(Math.max(0, lines.length - skipByStream)));
    offset = statSync(path).size;
  }
  let ending = false;
  for (;;) {
    for await (const part of readFrom(path, offset)) {
      offset = part.offset;
      const pieces: Buffer[] = [];
      for (const line of part.lines) {
        const piece = filter(line);
        if (piece === undefined) {
          if (pieces.length) yield Buffer.concat(pieces);
          return;
        }
        pieces.push(piece);
      }
      const bytes = Buffer.concat(pieces);
      if (bytes.length) yield bytes;
    }
    if (!options.follow || signal.aborted || ending) return;
    // One more look after the end: what was written before it may come late.
    if (!(await running())) ending = true;
    else await clock.sleep(pollMs, signal).catch(() => undefined);
    if (signal.aborted) return;
    const size = statSync(path, { throwIfNoEntry: false })?.size;
    // Rotated: the file begins anew.
    if (size !== undefined && size < offset) offset = 0;
  }
}

/** Whole lines from an offset to the present end. */
async function* readFrom(path: string, start: number): AsyncGenerator<{ lines: LogLine[]; offset: number }> {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size <= start) return;
  let rest: Buffer = Buffer.alloc(0);
  let offset = start;
  for await (const chunk of createReadStream(path, { start, end: size - 1, highWaterMark: chunkBytes }) as AsyncIterable<Buffer>) {
    const buffer = rest.length ? Buffer.concat([rest, chunk]) : chunk;
    const lines: LogLine[] = [];
    let from = 0;
    for (let at = buffer.indexOf(newline); at >= 0; from = at + 1, at = buffer.indexOf(newline, from)) {
      const line = parseLogLine(buffer.subarray(from, at));
      if (line) lines.push(line);
    }
    offset += from;
    rest = buffer.subarray(from);
    if (lines.length) yield { lines, offset };
  }
}
