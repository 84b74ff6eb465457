/** Reading container logs in the CRI's format: `TIME STREAM F|P TEXT`, P marking a line that goes on. */
import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';

export interface LogLine {
  /** RFC 3339 with nanoseconds, as written. */
  time: string;
  stream: 'stdout' | 'stderr';
  /** With its newline, unless the line goes on. */
  text: Buffer;
}

const newline = 0x0a;
const space = 0x20;

/** One line of a log file, without its newline; undefined for what is none. */
export function parseLogLine(line: Buffer): LogLine | undefined {
  const a = line.indexOf(space);
  const b = line.indexOf(space, a + 1);
  const c = line.indexOf(space, b + 1);
  if (a < 0 || b < 0) return undefined;
  const stream = line.toString('latin1', a + 1, b);
  if (stream !== 'stdout' && stream !== 'stderr') return undefined;
  const tags = line.toString('latin1', b + 1, c < 0 ? line.length : c);
  const content = c < 0 ? Buffer.alloc(0) : line.subarray(c + 1);
  return { time: line.toString('latin1', 0, a), stream, text: tags.split(':')[0] === 'P' ? content : Buffer.concat([content, Buffer.from('\n')]) };
}

/** The last lines of a log, as text: at most `lines`, at most `bytes`. */
export function tailOfLog(path: string, { lines, bytes }: { lines: number; bytes: number }): string {
  if (!existsSync(path)) return '';
  const fd = openSync(path, 'r');
  try {
    const { size } = fstatSync(fd);
    // Each line carries some 45 bytes of its own besides the text.
    const length = Math.min(size, bytes + lines * 64);
    const buffer = Buffer.alloc(length);
    readSync(fd, buffer, 0, length, size - length);
    const parsed: LogLine[] = [];
    let start = length < size ? buffer.indexOf(newline) + 1 : 0;
    for (let end = buffer.indexOf(newline, start); end >= 0; start = end + 1, end = buffer.indexOf(newline, start)) {
      const line = parseLogLine(buffer.subarray(start, end));
      if (line) parsed.push(line);
    }
    const text = Buffer.concat(parsed.slice(-lines).map((l) => l.text));
    return text.subarray(Math.max(0, text.length - bytes)).toString('utf8');
  } finally {
    closeSync(fd);
  }
}
