/** Watches: a stream of JSON lines. A client that does not keep up is ended, and lists again. */
import { type ApiRequest, type ApiResponse, badRequestError, expiredError, type KubeObject } from '@pilothouse/apimachinery';
import type { Clock } from '@pilothouse/base/clock';
import type { ChangeType, Happening, Versions } from '../traces/watchable.ts';
import { labApiVersion } from './types.ts';
import { representOne, type RepresentOptions } from './represent.ts';
import type { ResourceView } from './resource-view.ts';
import { selection } from './selection.ts';

const bookmarkMs = 60_000;
/** A watch without a timeout of its own ends after this long. */
const longestSeconds = 1800;
/** Events that wait for a slow client. */
const mostWaiting = 4000;

export interface WatchOptions extends RepresentOptions {
  readonly clock: Clock;
  readonly versions: Versions;
  /** Called when the stream has ended. */
  readonly onEnd?: () => void;
}

/** @throws StatusError 400, 410 */
export function watch<T>(view: ResourceView<T>, namespace: string, query: URLSearchParams, request: Pick<ApiRequest, 'signal'>, options: WatchOptions): ApiResponse {
  const { clock, versions } = options;
  const wanted = selection(view, namespace, query);
  const from = query.get('resourceVersion') ?? '';
  if (!/^\d*$/.test(from)) throw badRequestError(`Invalid value: ${JSON.stringify(from)}: strconv.ParseUint: parsing ${JSON.stringify(from)}: invalid syntax`);
  const bookmarks = query.get('allowWatchBookmarks') === 'true' || query.get('allowWatchBookmarks') === '1';
  const initial = query.get('sendInitialEvents') === 'true';
  const lines: Uint8Array[] = [];
  let wake = (): void => {};
  let ended = false;
  let first = true;
  /** What the client knows of, by key. */
  const known = new Set<string>();
  const send = (type: ChangeType | 'BOOKMARK' | 'ERROR', object: object): void => {
    if (ended) return;
    lines.push(encoder.encode(`${JSON.stringify({ type, object })}\n`));
    // Nothing more is kept for a client that does not read.
    if (lines.length > mostWaiting) ended = true;
    wake();
  };
  const tell = (type: ChangeType, value: T, version: number): void => {
    const object: KubeObject = view.render(value);
    // The thing itself learns its version only once all who listen were told.
    if (version) object.metadata.resourceVersion = String(version);
    send(type, representOne(view, value, { ...options, nowMs: clock.now() }, { object, first }));
    first = false;
  };
  const take = ({ type, value, version }: Happening<T>): void => {
    const key = view.key(value);
    const shown = type !== 'DELETED' && wanted(value);
    if (shown) {
      tell(known.has(key) ? 'MODIFIED' : 'ADDED', value, version);
      known.add(key);
    } else if (known.delete(key)) tell('DELETED', value, version);
  };
  const bookmark = (atStart: boolean): void => send('BOOKMARK', { kind: options.as === 'table' ? 'Table' : options.as === 'metadata' ? 'PartialObjectMetadata' : view.kind, apiVersion: options.as === 'object' ? labApiVersion : 'meta.k8s.io/v1', metadata: { resourceVersion: String(versions.current), ...(atStart && { annotations: { 'k8s.io/initial-events-end': 'true' } }) }, ...(options.as === 'table' && { columnDefinitions: null, rows: [] }) });

  const since = from === '' || from === '0' || initial ? undefined : Number(from);
  if (since === undefined) {
    for (const value of view.all()) if (wanted(value)) take({ type: 'ADDED', version: 0, value });
    if (initial && bookmarks) bookmark(true);
  } else {
    const missed = view.happenings.after(since);
    if (!missed) {
      send('ERROR', expiredError(`too old resource version: ${from} (${versions.current})`).status);
      ended = true;
    }
    const touched = new Set(missed?.map((h) => view.key(h.value)));
    // What the client has listed and nothing happened to since, it knows.
    for (const value of view.all()) if (wanted(value) && !touched.has(view.key(value))) known.add(view.key(value));
    for (const happening of missed ?? []) {
      if (happening.type !== 'ADDED') known.add(view.key(happening.value));
      take(happening);
    }
  }
  const endListening = view.happenings.listen(take);
  const asked = Number(query.get('timeoutSeconds') ?? 0);
  const deadline = clock.after((asked > 0 ? asked : longestSeconds) * 1000, () => finish());
  const ticks = bookmarks ? clock.every(bookmarkMs, () => bookmark(false)) : undefined;
  const finish = (): void => {
    ended = true;
    wake();
  };
  request.signal.addEventListener('abort', finish, { once: true });
  if (request.signal.aborted) finish();
  let over = false;
  const close = (): void => {
    if (over) return;
    over = true;
    endListening();
    deadline.cancel();
    ticks?.cancel();
    request.signal.removeEventListener('abort', finish);
    options.onEnd?.();
  };
  return { status: 200, headers: { 'content-type': 'application/json', 'cache-control': 'no-cache, private' }, body: stream(lines, () => ended, (fn) => (wake = fn), close) };
}

const encoder = new TextEncoder();

async function* stream(lines: Uint8Array[], ended: () => boolean, onWake: (fn: () => void) => void, close: () => void): AsyncGenerator<Uint8Array> {
  try {
    for (;;) {
      while (lines.length) yield lines.shift()!;
      if (ended()) return;
      await new Promise<void>((resolve) => {
        onWake(resolve);
        if (lines.length || ended()) resolve();
      });
    }
  } finally {
    close();
  }
}
