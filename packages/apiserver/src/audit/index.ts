/** The audit log: who asked for what, and what came of it, a line of JSON each. */
import type { ApiResponse, StatusError } from '@pilothouse/apimachinery';
import type { Socket } from 'node:net';
import { createWriteStream, type WriteStream } from 'node:fs';
import { messageOf, type Runtime } from '@pilothouse/base';
import type { AuditEvent, AuditHook } from '../options.ts';
import { auditLine, requestObject } from './event.ts';
import { type AuditDecision, type AuditPolicy, type AuditStage, decideAudit } from './policy.ts';

export { type AuditPolicy, parseAuditPolicy } from './policy.ts';

export interface AuditSink {
  write(line: string): void;
  close(): Promise<void>;
}

/** Appends to a file that only its owner may read; `-` is standard output. A file that cannot be written is told once and does not stop the server. */
export function auditFile(runtime: Pick<Runtime, 'log'>, path: string): AuditSink {
  if (path === '-') return { write: (line) => void process.stdout.write(`${line}\n`), close: async () => {} };
  const file: WriteStream = createWriteStream(path, { flags: 'a', mode: 0o600 });
  let broken = false;
  file.on('error', (error) => {
    if (!broken) runtime.log.error('Cannot write the audit log', { file: path, err: messageOf(error) });
    broken = true;
  });
  return {
    write: (line) => void (broken || file.write(`${line}\n`)),
    close: () => (broken ? Promise.resolve() : new Promise((resolve) => file.end(resolve))),
  };
}

interface Pending {
  decision: AuditDecision;
  body: unknown;
}

const writes = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

/** The hook for the server. Where the policy says None nothing but that decision is made. */
export function createAudit(runtime: Pick<Runtime, 'clock'>, policy: AuditPolicy, sink: AuditSink): AuditHook & { close(): Promise<void> } {
  const pending = new WeakMap<AuditEvent, Pending>();
  const note = (event: AuditEvent, held: Pending, stage: AuditStage, nowMs: number, answered?: { response: ApiResponse; failure: StatusError | undefined }): void => {
    if (!held.decision.omit.has(stage)) sink.write(auditLine(event, { ...held, stage, nowMs, ...answered }));
  };
  return {
    received(event) {
      const decision = decideAudit(policy, event.attributes);
      if (decision.level === 'None') return;
      const held: Pending = { decision, body: writes.has(event.attributes.verb) ? requestObject(event.request) : undefined };
      pending.set(event, held);
      note(event, held, 'RequestReceived', event.startMs);
    },
    completed(event, response, failure) {
      const answered = { response, failure };
      if (!event.attributes.user.name) {
        // Nobody was let in: this is all there is to tell.
        const decision = decideAudit(policy, event.attributes);
        if (decision.level !== 'None') note(event, { decision, body: undefined }, 'ResponseStarted', runtime.clock.now(), answered);
        return response;
      }
      const held = pending.get(event);
      if (!held) return response;
      if (event.long) note(event, held, 'ResponseStarted', runtime.clock.now(), answered);
      return atEnd(response, () => note(event, held, 'ResponseComplete', runtime.clock.now(), answered));
    },
    close: () => sink.close(),
  };
}

/** The same answer, that calls when all of it was given: at once where it is whole already. */
function atEnd(response: ApiResponse, ended: () => void): ApiResponse {
  const { body, events, upgrade } = response;
  if (events) return { ...response, events: followed(events, ended) };
  if (upgrade) {
    return {
      ...response,
      upgrade(socket, head) {
        (socket as Socket).once('close', ended);
        upgrade(socket, head);
      },
    };
  }
  if (body && !(body instanceof Uint8Array) && !Array.isArray(body)) return { ...response, body: followed(body as AsyncIterable<Uint8Array>, ended) };
  ended();
  return response;
}

async function* followed<T>(pieces: AsyncIterable<T>, ended: () => void): AsyncGenerator<T> {
  try {
    yield* pieces;
  } finally {
    ended();
  }
}
