/** An extension API server for tests: `notes.example.com/v1` kept in memory, with get, list, create, delete, watch and a WebSocket-like echo. */
import { createClient, createSocketTransport, loadKubeconfig } from '@pilothouse/client';
import type { ApiRequest, ApiResponse } from '@pilothouse/apimachinery';
import { alreadyExistsError, notFoundError } from '@pilothouse/apimachinery';
import { type ExtensionRequest, jsonAnswer, serveExtension } from '@pilothouse/apiserver/extension/index';
import { issueAuthority, issueCertificate } from '@pilothouse/apiserver/pki/issue';
import { type Listener } from '@pilothouse/apiserver';
import { realRuntime, Scope, silentLogger } from '@pilothouse/base';
import type { Socket } from 'node:net';

const group = 'notes.example.com';
const subject = { group, plural: 'notes' };

export interface NotesServer {
  listener: Listener;
  /** The authority of its certificate, base64. */
  caBundle: string;
  /** Whom it answered, and what they asked. */
  seen: { method: string; url: string; user: ExtensionRequest['user']; headers: ApiRequest['headers'] }[];
  /** Watches that are open. */
  watching(): number;
  stop(): Promise<void>;
}

export async function startNotes(kubeconfig: string, { port = 0, name = 'notes.default.svc' } = {}): Promise<NotesServer> {
  const runtime = realRuntime(silentLogger);
  const scope = new Scope('notes');
  const client = scope.own(createClient(createSocketTransport(loadKubeconfig(kubeconfig), runtime), runtime, { userAgent: 'notes' }));
  const now = runtime.clock.now();
  const validity = { notBefore: now - 60_000, notAfter: now + 3600_000 };
  const authority = await issueAuthority('notes-ca', validity, runtime.random);
  const pair = await issueCertificate(authority, { commonName: name, usages: ['server'], names: [name] }, validity, runtime.random);
  const notes = new Map<string, any>();
  const watchers = new Set<(line: string) => void>();
  const seen: NotesServer['seen'] = [];
  let revision = 1;
  const tell = (type: string, object: object): void => {
    for (const send of watchers) send(`${JSON.stringify({ type, object })}\n`);
  };

  function watch(request: ApiRequest): ApiResponse {
    const lines: string[] = [];
    let wake = (): void => {};
    const send = (line: string): void => {
      lines.push(line);
      wake();
    };
    watchers.add(send);
    request.signal.addEventListener('abort', () => wake());
    return {
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: (async function* () {
        try {
          while (!request.signal.aborted) {
            while (lines.length) yield Buffer.from(lines.shift()!);
            await new Promise<void>((resolve) => {
              wake = resolve;
              if (request.signal.aborted) resolve();
            });
          }
        } finally {
          watchers.delete(send);
        }
      })(),
    };
  }

  function answer(request: ApiRequest, { user, info }: ExtensionRequest): ApiResponse {
    if (info.path === '/openapi/v2') return jsonAnswer({ swagger: '2.0', info: { title: 'notes', version: 'v1' }, paths: { [`/apis/${group}/v1/notes`]: { get: { responses: { 200: { description: 'OK', schema: { $ref: '#/definitions/com.example.notes.v1.Note' } } } } }, '/elsewhere': {} }, definitions: { 'com.example.notes.v1.Note': { type: 'object', description: 'Note is a text to be remembered.' } } });
    seen.push({ method: request.method, url: request.url, user, headers: request.headers });
    const key = `${info.namespace}/${info.name}`;
    if (info.subresource === 'echo') return { status: 101, headers: {}, upgrade: (socket, head) => echo(socket as Socket, head) };
    if (info.verb === 'watch') return watch(request);
    if (info.verb === 'list') return jsonAnswer({ kind: 'NoteList', apiVersion: `${group}/v1`, metadata: { resourceVersion: String(revision) }, items: [...notes.values()].filter(({ metadata }) => !info.namespace || metadata.namespace === info.namespace) });
    if (info.verb === 'create') {
      const note = JSON.parse(Buffer.from(request.body!).toString());
      const made = { ...note, metadata: { ...note.metadata, namespace: info.namespace, uid: runtime.random.uuid(), resourceVersion: String(++revision) } };
      if (notes.has(`${info.namespace}/${note.metadata.name}`)) throw alreadyExistsError(subject, note.metadata.name);
      notes.set(`${info.namespace}/${note.metadata.name}`, made);
      tell('ADDED', made);
      return jsonAnswer(made, 201);
    }
    const note = notes.get(key);
    if (!note) throw notFoundError(subject, info.name);
    if (info.verb === 'delete') {
      notes.delete(key);
      tell('DELETED', note);
    }
    return jsonAnswer(note);
  }

  const facts = { group, version: 'v1', kind: 'Note', namespaced: true };
  const extension = await serveExtension(runtime, scope, {
    client,
    api: {
      groups: () => [{ name: group, versions: ['v1'], preferredVersion: 'v1' }],
      resources: () => [{ ...facts, name: 'notes', singularName: 'note', shortNames: ['nt'], verbs: ['create', 'delete', 'get', 'list', 'watch'] }, { ...facts, name: 'notes/echo', singularName: '', verbs: ['get'] }],
    },
    openApi: new Map([[`apis/${group}/v1`, { openapi: '3.0.0', info: { title: 'notes', version: 'v1' }, paths: { [`/apis/${group}/v1/namespaces/{namespace}/notes`]: { get: { operationId: 'listNotes', responses: { 200: { description: 'OK' } }, 'x-kubernetes-action': 'list', 'x-kubernetes-group-version-kind': { group, version: 'v1', kind: 'Note' } } } }, components: { schemas: { 'com.example.notes.v1.Note': { type: 'object', description: 'Note is a text to be remembered.', properties: { text: { type: 'string', description: 'what to remember' } }, 'x-kubernetes-group-version-kind': [{ group, version: 'v1', kind: 'Note' }] } } } }]]),
    answer,
  });
  const listener = await extension.listen({ host: '127.0.0.1', port, tls: { cert: pair.certificate, key: pair.key } });
  return { listener, caBundle: Buffer.from(authority.certificate).toString('base64'), seen, watching: () => watchers.size, stop: () => scope.close() };
}

/** Switches protocols and gives back what it gets. */
function echo(socket: Socket, head: Uint8Array): void {
  socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: echo\r\n\r\n');
  if (head.length) socket.write(head);
  socket.pipe(socket);
}
