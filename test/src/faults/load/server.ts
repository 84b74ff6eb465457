/** An API server in a process of its own, with its files, that can be killed and started again; and HTTP/2 connections to it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http2, { type ClientHttp2Session } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock } from '@pilothouse/base';
import { freePort, program } from '../../golden/cluster.ts';

const startMs = 40_000;
const sources = join(import.meta.dirname, '../../../../packages/cli/src/main.ts');

export type User = 'admin' | 'crowd';

export interface Reply {
  status: number;
  headers: Record<string, string>;
  body: string;
}

export class LoadServer {
  readonly #dir = mkdtempSync(join(tmpdir(), 'pilothouse-load-'));
  readonly #flags: readonly string[];
  #child: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();
  port = 0;

  constructor(flags: readonly string[]) {
    this.#flags = flags;
    writeFileSync(join(this.#dir, 'tokens.csv'), 'admin,admin,admin,"system:masters"\ncrowd,crowd,crowd\n');
  }

  get ca(): string {
    return readFileSync(join(this.#dir, 'pki/ca.crt'), 'utf8');
  }

  /** @throws Error with what it said when it does not come up */
  async start(): Promise<void> {
    this.port ||= await freePort();
    const child = spawn(process.execPath, [existsSync(program) ? program : sources, 'apiserver', '--data-dir', join(this.#dir, 'data'), '--cert-dir', join(this.#dir, 'pki'), '--bind-address', '127.0.0.1', '--secure-port', String(this.port), '--token-auth-file', join(this.#dir, 'tokens.csv'), ...this.#flags], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child = child;
    let said = '';
    let exited = false;
    child.stderr!.on('data', (text) => (said = (said + text).slice(-4_000)));
    this.#exited = new Promise((resolve) => child.once('exit', () => {
      exited = true;
      resolve();
    }));
    for (const until = realClock.monotonic() + startMs; !said.includes('serving at'); await realClock.sleep(30)) {
      if (exited || realClock.monotonic() > until) throw new Error(`the API server did not come up: ${said}`);
    }
  }

  get alive(): boolean {
    return this.#child?.exitCode === null && this.#child.signalCode === null;
  }

  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#exited;
  }

  /** Resident memory in bytes. */
  get memory(): number {
    const line = readFileSync(`/proc/${this.#child!.pid}/status`, 'utf8').split('\n').find((text) => text.startsWith('VmRSS:'));
    return Number(line!.replace(/\D/g, '')) * 1024;
  }

  async session(): Promise<ClientHttp2Session> {
    const session = http2.connect(`https://127.0.0.1:${this.port}`, { ca: this.ca });
    session.on('error', () => {});
    await new Promise((resolve, reject) => session.once('connect', resolve).once('error', reject));
    return session;
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

/** One request on a connection; rejects where it breaks. */
export function call(session: ClientHttp2Session, user: User, method: string, path: string, body?: unknown): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':method': method, ':path': path, authorization: `Bearer ${user}`, ...(body !== undefined && { 'content-type': 'application/json' }) });
    let headers: Record<string, string> = {};
    let text = '';
    stream.setEncoding('utf8');
    stream.on('response', (got) => (headers = got as never)).on('data', (piece) => (text += piece)).on('error', reject);
    stream.on('close', () => (headers[':status'] === undefined ? reject(new Error('the connection broke')) : resolve({ status: Number(headers[':status']), headers, body: text })));
    stream.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
