/** The audit log: who asked for what, and what came of it, a line of JSON each. */
import { createWriteStream, type WriteStream } from 'node:fs';
import { messageOf, type Runtime } from '@pilothouse/base';
import type { AuditEvent, AuditHook } from '../options.ts';
import { auditLine, requestObject } from './event.ts';
import { type AuditDecision, type AuditPolicy, decideAudit } from './policy.ts';

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
  id: string;
  decision: AuditDecision;
  body: unknown;
}

/** The hook for the server. Where the policy says None nothing but that decision is made. */
export function createAudit(runtime: Pick<Runtime, 'clock' | 'random'>, policy: AuditPolicy, sink: AuditSink): AuditHook & { close(): Promise<void> } {
  const pending = new WeakMap<AuditEvent, Pending>();
  const writes = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);
  return {
    received(event) {
      const decision = decideAudit(policy, event.attributes);
      if (decision.level === 'None') return;
      const sent = event.request.headers['audit-id'];
      const id = typeof sent === 'string' && sent ? sent : runtime.random.uuid();
      const wantsBody = (decision.level === 'Request' || decision.level === 'RequestResponse') && writes.has(event.attributes.verb);
      pending.set(event, { id, decision, body: wantsBody ? requestObject(event.request) : undefined });
      if (!decision.omit.has('RequestReceived')) sink.write(auditLine(event, { id, decision, stage: 'RequestReceived', nowMs: runtime.clock.now() }));
    },
    completed(event, response, failure) {
      const held = pending.get(event);
      if (!held) return;
      // A stream has only begun when its handler returns: that is what is known of it.
      const streams = !!response.events || !!response.upgrade || (!!response.body && !(response.body instanceof Uint8Array) && !Array.isArray(response.body));
      const stage = streams ? 'ResponseStarted' : 'ResponseComplete';
      if (!held.decision.omit.has(stage)) sink.write(auditLine(event, { ...held, stage, nowMs: runtime.clock.now(), response, failure }));
    },
    close: () => sink.close(),
  };
}
