import { appendFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { realClock } from '@pilothouse/base';
import type { Cri } from '../cri/contract.ts';
import { rotateLog } from '../pods/log-rotation.ts';
import { tailOfLog } from '../pods/log-tail.ts';
import { subresourcesOf } from './auth.ts';
import { type LogOptions, logOptions, readLog } from './logs.ts';

const dir = mkdtempSync(join(tmpdir(), 'logs-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const path = join(dir, '0.log');
writeFileSync(path, ['2026-01-01T00:00:00.000000001Z stdout F one', '2026-01-01T00:00:01.000000001Z stderr F two', '2026-01-01T00:00:02.000000001Z stdout P thr', '2026-01-01T00:00:02.000000002Z stdout F ee', '2026-01-01T00:00:03Z stdout F ', ''].join('\n'));

const read = async (query: string, options: Partial<LogOptions> = {}) => {
  let text = '';
  for await (const piece of readLog(path, { ...logOptions(new URLSearchParams(query), Date.parse('2026-01-01T00:00:04Z')), ...options }, { clock: realClock, running: async () => false, signal: new AbortController().signal })) text += piece;
  return text;
};

describe('container logs', () => {
  test.each([
    ['', 'one\ntwo\nthree\n\n'],
    ['tailLines=2', 'ee\n\n'],
    ['tailLines=0', ''],
    ['limitBytes=5', 'one\nt'],
    ['timestamps=true&limitBytes=35', '2026-01-01T00:00:00.000000001Z one\n'],
    ['sinceSeconds=2', 'three\n\n'],
    ['sinceTime=2026-01-01T00:00:03Z', '\n'],
    ['stream=Stderr', 'two\n'],
    ['stream=Stdout&tailLines=1', '\n'],
  ])('%s', async (query, want) => {
    expect(await read(query)).toBe(want);
  });

  test('are followed until the container has ended', async () => {
    const growing = join(dir, '1.log');
    writeFileSync(growing, '2026-01-01T00:00:00Z stdout F a\n');
    let running = true;
    let text = '';
    const log = readLog(growing, { follow: true, timestamps: false, stream: 'All' }, { clock: realClock, running: async () => running, signal: new AbortController().signal });
    for await (const piece of log) {
      text += piece;
      if (text === 'a\n') appendFileSync(growing, '2026-01-01T00:00:01Z stdout F b\n');
      else running = false;
    }
    expect(text).toBe('a\nb\n');
  });

  test('their end stands in for a termination message', () => {
    expect(tailOfLog(path, { lines: 2, bytes: 100 })).toBe('ee\n\n');
    expect(tailOfLog(path, { lines: 80, bytes: 5 })).toBe('ree\n\n'.slice(-5));
  });

  test.each(['tailLines=-1', 'limitBytes=x', 'sinceTime=bad', 'stream=Both'])('%s is refused', (query) => {
    expect(() => logOptions(new URLSearchParams(query), 0)).toThrow();
  });
});

test('a log that has grown is put aside, and the oldest go', async () => {
  const own = mkdtempSync(join(dir, 'rotate-'));
  const log = join(own, '0.log');
  const cri = { call: async () => void writeFileSync(log, '') } as unknown as Cri;
  for (let i = 0; i < 4; i++) {
    writeFileSync(log, 'x'.repeat(100));
    expect(await rotateLog({ id: 'c', logPath: log }, { cri, nowMs: i * 1000, maxBytes: 50, maxFiles: 3 })).toBe(true);
  }
  expect(await rotateLog({ id: 'c', logPath: log }, { cri, nowMs: 9000, maxBytes: 50 })).toBe(false);
  expect(readdirSync(own).sort()).toEqual(['0.log', '0.log.19700101-000002', '0.log.19700101-000003']);
});

test.each([['/containerLogs/a/b/c', ['proxy']], ['/stats/summary', ['stats']], ['/metrics/resource', ['metrics']], ['/logs/', ['log']], ['/pods', ['pods', 'proxy']], ['/exec/a/b/c', ['proxy']]])('%s asks for %j of nodes', (given, want) => {
  expect(subresourcesOf(given)).toEqual(want);
});
