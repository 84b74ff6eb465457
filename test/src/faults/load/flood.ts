/** More writes than a server has room for: some are done, the others are told to come again; nothing that was done is lost. */
import type { ClientHttp2Session } from 'node:http2';
import { realClock } from '@pilothouse/base';
import type { Finding } from '../suite.ts';
import { call, type LoadServer } from './server.ts';

const sessions = 6;
const streamsEach = 100;
const collection = '/api/v1/namespaces/default/configmaps';

export interface Flood {
  created: number;
  refused: number;
  /** Their answer never came. */
  unknown: number;
  findings: Finding[];
}

/** Writes from all sides, then a kill -9 in the midst of it, then a look at what is there. */
export async function flood(server: LoadServer, forMs: number): Promise<Flood> {
  const created = new Set<string>();
  const findings: Finding[] = [];
  let refused = 0;
  let unknown = 0;
  let stopping = false;
  let next = 0;
  const found = (title: string, detail: string): void => void (findings.length < 10 && findings.push({ title, detail }));
  const write = async (session: ClientHttp2Session): Promise<void> => {
    while (!stopping && !session.destroyed) {
      const name = `flood-${next++}`;
      try {
        const { status, headers, body } = await call(session, 'crowd', 'POST', collection, { metadata: { name }, data: { a: 'x'.repeat(500) } });
        if (status === 201) created.add(name);
        else if (status !== 429) found(`a create under load is answered ${status}`, body.slice(0, 500));
        else {
          refused++;
          if (!(Number(headers['retry-after']) >= 1)) found('a 429 carries no Retry-After', JSON.stringify(headers));
          if ((JSON.parse(body) as { reason?: string }).reason !== 'TooManyRequests') found('a 429 is no Status of TooManyRequests', body);
          await realClock.sleep(20);
        }
      } catch {
        unknown++;
      }
    }
  };
  const open = await Promise.all(Array.from({ length: sessions }, () => server.session()));
  const writers = open.flatMap((session) => Array.from({ length: streamsEach }, () => write(session)));
  await realClock.sleep(forMs);
  // The exempt are served all the same.
  const admin = await server.session();
  const started = realClock.monotonic();
  const ready = await call(admin, 'admin', 'GET', '/readyz');
  if (ready.status !== 200 || realClock.monotonic() - started > 10_000) found('an administrator is held up by a flood of others', `${ready.status} after ${Math.round(realClock.monotonic() - started)} ms`);
  await lookFor(admin, created, found, 'is not listed');
  await server.kill();
  stopping = true;
  for (const session of [...open, admin]) session.destroy();
  await Promise.all(writers);
  await server.start();
  const after = await server.session();
  await lookFor(after, created, found, 'is gone after kill -9');
  after.destroy();
  if (!refused) found('a flood is not told to slow down', `${created.size} created, none refused`);
  return { created: created.size, refused, unknown, findings };
}

async function lookFor(session: ClientHttp2Session, created: ReadonlySet<string>, found: (title: string, detail: string) => void, what: string): Promise<void> {
  const wanted = [...created];
  const { status, body } = await call(session, 'admin', 'GET', collection);
  if (status !== 200) return found(`a list under load is answered ${status}`, body.slice(0, 500));
  const names = new Set((JSON.parse(body) as { items: { metadata: { name: string } }[] }).items.map(({ metadata }) => metadata.name));
  const lost = wanted.filter((name) => !names.has(name));
  if (lost.length) found(`what was answered 201 ${what}`, `${lost.length} of ${wanted.length}: ${lost.slice(0, 20).join(' ')}`);
}
