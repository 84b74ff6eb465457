/** Many connections and many watches at once: what they cost, and that the others are served meanwhile. */
import type { ClientHttp2Session } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { realClock } from '@pilothouse/base';
import type { Finding } from '../suite.ts';
import { call, type LoadServer } from './server.ts';

const megabyte = 1024 * 1024;
/** Longest that somebody else may wait while a crowd comes. */
const mostWaitMs = 10_000;

export interface Crowd {
  note: string;
  findings: Finding[];
}

/** Longest answer to /readyz, each on a connection of its own, until `done`. */
async function longestWait(server: LoadServer, done: Promise<unknown>): Promise<number> {
  let over = false;
  void done.finally(() => (over = true));
  let longest = 0;
  do {
    const start = realClock.monotonic();
    try {
      const session = await server.session();
      const { status } = await call(session, 'admin', 'GET', '/readyz');
      session.destroy();
      longest = Math.max(longest, status === 200 ? realClock.monotonic() - start : Infinity);
    } catch {
      longest = Infinity;
    }
    await realClock.sleep(50);
  } while (!over);
  return longest;
}

/** Connects many times: some stay silent, some shake hands and then stay silent. All go again. */
export async function connections(server: LoadServer, count: number): Promise<Crowd> {
  const findings: Finding[] = [];
  const before = server.memory;
  const { ca, port } = server;
  const open: Socket[] = [];
  const dial = (silent: boolean): Promise<void> =>
    new Promise((resolve) => {
      const socket = silent ? connect(port, '127.0.0.1', () => resolve()) : tlsConnect({ port, host: '127.0.0.1', ca }, () => resolve());
      socket.once('close', () => resolve()).on('error', () => {});
      open.push(socket);
    });
  const coming = (async () => {
    // As quickly as the machine dials, half of them without a word.
    for (let i = 0; i < count; i += 250) await Promise.all(Array.from({ length: Math.min(250, count - i) }, (_, j) => dial(j % 2 === 0)));
  })();
  const wait = await longestWait(server, coming);
  await coming;
  const held = open.filter((socket) => !socket.destroyed).length;
  const grown = server.memory - before;
  for (const socket of open) socket.destroy();
  await realClock.sleep(500);
  if (wait > mostWaitMs) findings.push({ title: 'a crowd of connections holds up others', detail: `${count} connects, /readyz took ${Math.round(wait)} ms` });
  if (!server.alive) findings.push({ title: 'a crowd of connections ends the server', detail: `${count} connects` });
  if (grown > Math.max(64 * megabyte, held * 200 * 1024)) findings.push({ title: 'connections take memory without bound', detail: `${held} connections, ${Math.round(grown / megabyte)} MB` });
  return { note: `${count} connects, half of them silent: ${held} held, ${Math.round(grown / megabyte)} MB more, /readyz in ${Math.round(wait)} ms at most meanwhile`, findings };
}

/** Opens many idle watches, lets one thing happen, and closes them again. */
export async function watches(server: LoadServer, count: number): Promise<Crowd> {
  const findings: Finding[] = [];
  const sessions: ClientHttp2Session[] = [];
  const admin = await server.session();
  const running = async (): Promise<number> => {
    const { body } = await call(admin, 'admin', 'GET', '/metrics');
    return body.split('\n').filter((line) => line.startsWith('apiserver_longrunning_requests{') && line.includes('verb="WATCH"')).reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  };
  const idle = await running();
  const before = server.memory;
  let told = 0;
  let begun = 0;
  while (begun < count) {
    const session = await server.session();
    sessions.push(session);
    const started: Promise<unknown>[] = [];
    for (let i = 0; i < 100 && begun < count; i++, begun++) {
      const stream = session.request({ ':path': '/api/v1/namespaces/kube-public/configmaps?watch=1&allowWatchBookmarks=true', authorization: 'Bearer admin' });
      stream.on('error', () => {}).on('data', (piece: Buffer) => (told += piece.includes('"name":"seen"') ? 1 : 0));
      started.push(new Promise((resolve, reject) => stream.once('response', resolve).once('error', reject)));
    }
    await Promise.all(started);
  }
  const grown = server.memory - before;
  const open = (await running()) - idle;
  if (open !== count) findings.push({ title: 'not every watch is open', detail: `${open} of ${count}` });
  const start = realClock.monotonic();
  await call(admin, 'admin', 'POST', '/api/v1/namespaces/kube-public/configmaps', { metadata: { name: 'seen' } });
  for (let waited = 0; told < count && waited < mostWaitMs; waited += 20) await realClock.sleep(20);
  const took = realClock.monotonic() - start;
  if (told !== count) findings.push({ title: 'not every watcher is told', detail: `${told} of ${count} after ${Math.round(took)} ms` });
  // Half go by closing their streams, half without a word.
  sessions.forEach((session, i) => (i % 2 ? session.destroy() : session.close()));
  for (const session of sessions) session.destroy();
  let left = Infinity;
  for (let waited = 0; left > idle && waited < mostWaitMs; waited += 100) {
    await realClock.sleep(100);
    left = await running();
  }
  if (left > idle) findings.push({ title: 'watches stay when their clients are gone', detail: `${left - idle} of ${count}` });
  await call(admin, 'admin', 'DELETE', '/api/v1/namespaces/kube-public/configmaps/seen');
  admin.destroy();
  if (grown > count * 100 * 1024) findings.push({ title: 'idle watches take too much memory', detail: `${Math.round(grown / count)} bytes each` });
  return { note: `${count} idle watches over ${sessions.length} connections: ${(grown / count / 1024).toFixed(1)} KB of resident memory each; one event told to all in ${Math.round(took)} ms`, findings };
}
