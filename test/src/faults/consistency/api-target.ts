/** API servers as a client sees them: in a process of their own, or in this one. */
import { Agent, request as httpsRequest } from 'node:https';
import type { ApiServer } from '@pilothouse/apiserver';
import { realClock } from '@pilothouse/base';

export interface Answer {
  status: number;
  /** Parsed. */
  body: any;
}

export interface ApiTarget {
  name: string;
  /** Rejects when no whole answer came; `refused` in the error: nothing was sent. */
  call(method: string, path: string, body?: unknown, contentType?: string): Promise<Answer>;
  /** Calls for each event of a watch; resolves when the stream has ended, however. Status other than 200: one event ERROR. */
  watch(path: string, onEvent: (event: { type: string; object: any }) => void, signal: AbortSignal): Promise<void>;
}

/** The request did not reach the server. */
export class NotSent extends Error {}

export interface Access {
  port: number;
  /** PEM. */
  ca: string;
  token: string;
}

/** How long a client waits for an answer. */
const answerMs = 8_000;

export function socketTarget(name: string, { port, ca, token }: Access): ApiTarget {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const send = (method: string, path: string, body: string | undefined, contentType: string, signal?: AbortSignal) =>
    httpsRequest({ host: '127.0.0.1', port, ca, agent: signal ? false : agent, method, path, ...(signal && { signal }), headers: { authorization: `Bearer ${token}`, accept: 'application/json', ...(body !== undefined && { 'content-type': contentType, 'content-length': Buffer.byteLength(body) }) } });
  return {
    name,
    call: (method, path, body, contentType = 'application/json') =>
      new Promise((resolve, reject) => {
        const text = body === undefined ? undefined : JSON.stringify(body);
        const request = send(method, path, text, contentType);
        request.setTimeout(answerMs, () => request.destroy(new Error('no answer in time')));
        request.once('error', (error: NodeJS.ErrnoException) => reject(error.code === 'ECONNREFUSED' ? new NotSent(error.message) : error));
        request.once('response', (response) => {
          let answer = '';
          response.setEncoding('utf8');
          response.on('data', (piece) => (answer += piece));
          response.once('error', reject);
          response.once('close', () => (response.complete ? resolve({ status: response.statusCode!, body: parse(answer) }) : reject(new Error('the answer was cut short'))));
        });
        request.end(text);
      }),
    watch: (path, onEvent, signal) =>
      new Promise((resolve) => {
        const request = send('GET', path, undefined, '', signal);
        request.once('error', () => resolve());
        request.once('response', (response) => {
          const take = lines(onEvent, response.statusCode!);
          response.on('data', take);
          response.once('error', () => resolve());
          response.once('close', resolve);
        });
        request.end();
      }),
  };
}

const parse = (text: string): any => {
  try {
    return JSON.parse(text);
  } catch {
    return { message: text };
  }
};

/** Splits what comes into events. A line that was cut short is no event. */
function lines(onEvent: (event: { type: string; object: any }) => void, status: number): (piece: Uint8Array) => void {
  let rest = '';
  return (piece) => {
    rest += Buffer.from(piece).toString();
    const whole = rest.split('\n');
    rest = whole.pop()!;
    for (const line of whole) if (line) onEvent(status === 200 ? JSON.parse(line) : { type: 'ERROR', object: JSON.parse(line) });
  };
}

export function inProcessTarget(name: string, server: ApiServer): ApiTarget {
  const send = (method: string, url: string, body: unknown, contentType: string, signal: AbortSignal) =>
    server.handle({ method, url, headers: { accept: 'application/json', 'content-type': contentType }, ...(body !== undefined && { body: Buffer.from(JSON.stringify(body)) }), signal });
  const forever = new AbortController().signal;
  return {
    name,
    async call(method, path, body, contentType = 'application/json') {
      const answer = await send(method, path, body, contentType, forever);
      // Nothing here waits for anything outside: timers must have their turn all the same.
      await new Promise<void>((resolve) => realClock.soon(resolve));
      const pieces: Uint8Array[] = [];
      if (answer.body instanceof Uint8Array) pieces.push(answer.body);
      else for await (const piece of answer.body ?? []) pieces.push(piece);
      return { status: answer.status, body: parse(Buffer.concat(pieces).toString()) };
    },
    async watch(path, onEvent, signal) {
      const answer = await send('GET', path, undefined, '', signal);
      const take = lines(onEvent, answer.status);
      const { body } = answer;
      if (body instanceof Uint8Array) take(body);
      else for await (const piece of body ?? []) take(piece);
    },
  };
}
