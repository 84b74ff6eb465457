/** Decoding of what the API server answers: whole objects, errors, and the frames of a watch. */
import { type ApiResponse, type Status, StatusError, type WatchEvent } from '@pilothouse/apimachinery';

/** The answer's whole body. */
export async function bytesOf(response: ApiResponse): Promise<Buffer> {
  const { body } = response;
  if (body === undefined) return Buffer.alloc(0);
  if (body instanceof Uint8Array) return asBuffer(body);
  if (Array.isArray(body)) return Buffer.concat(body);
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return chunks.length === 1 ? asBuffer(chunks[0]) : Buffer.concat(chunks);
}

/** The decoded object of a successful answer. @throws StatusError for any other. */
export async function objectOf(response: ApiResponse, asked: { method: string; url: string }): Promise<unknown> {
  if (response.status >= 400) throw await errorOf(response, asked);
  if (response.object !== undefined) return response.object;
  const bytes = await bytesOf(response);
  return bytes.length === 0 ? undefined : JSON.parse(bytes.toString());
}

/** The error an answer of status 400 or more stands for; one is made up as client-go does where the body is no Status. */
export async function errorOf(response: ApiResponse, asked: { method: string; url: string }): Promise<StatusError> {
  const headers: Record<string, string> = {};
  for (const name in response.headers) headers[name] = String(response.headers[name]);
  if (isStatus(response.object)) return new StatusError(response.object, { headers });
  const text = (await bytesOf(response)).toString();
  try {
    const parsed = JSON.parse(text);
    if (isStatus(parsed)) return new StatusError(parsed, { headers });
  } catch {
    // Not JSON: an answer of something between us and the API server.
  }
  return new StatusError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', code: response.status, ...genericFailure(response.status, asked.method, text) }, { headers });
}

const isStatus = (value: unknown): value is Status => (value as Status)?.kind === 'Status' && typeof value === 'object';

/** Reason and message by HTTP status. */
function genericFailure(code: number, method: string, body: string): { reason: string; message: string } {
  switch (code) {
    case 400: return { reason: 'BadRequest', message: 'the server rejected our request for an unknown reason' };
    case 401: return { reason: 'Unauthorized', message: 'the server has asked for the client to provide credentials' };
    case 403: return { reason: 'Forbidden', message: body.trim() || 'the server does not allow access to the requested resource' };
    case 404: return { reason: 'NotFound', message: 'the server could not find the requested resource' };
    case 405: return { reason: 'MethodNotAllowed', message: 'the server does not allow this method on the requested resource' };
    case 406: return { reason: 'NotAcceptable', message: body.trim() || 'the server was unable to respond with a content type that the client supports' };
    case 409: return { reason: method === 'POST' ? 'AlreadyExists' : 'Conflict', message: 'the server reported a conflict' };
    case 410: return { reason: 'Expired', message: 'the resource requested is no longer available' };
    case 413: return { reason: 'RequestEntityTooLarge', message: 'the request is too large' };
    case 415: return { reason: 'UnsupportedMediaType', message: 'the server was unable to respond with a content type that the client supports' };
    case 422: return { reason: 'Invalid', message: 'the server rejected our request due to an error in our request' };
    case 429: return { reason: 'TooManyRequests', message: 'the server has received too many requests and has asked us to try again later' };
    case 503: return { reason: 'ServiceUnavailable', message: body.trim() || 'the server is currently unable to handle the request' };
    case 504: return { reason: 'Timeout', message: 'the server was unable to return a response in the time allotted, but may still be processing the request' };
    default: return { reason: code >= 500 ? 'InternalError' : 'Unknown', message: `an error on the server (${JSON.stringify(body.trim() || 'unknown')}) has prevented the request from succeeding` };
  }
}

/** The events of a watch in batches: what one chunk of the connection completed. */
export async function* framesOf<T>(response: ApiResponse): AsyncGenerator<readonly WatchEvent<T>[]> {
  if (response.events) {
    yield* response.events as AsyncIterable<readonly WatchEvent<T>[]>;
    return;
  }
  const { body } = response;
  if (body === undefined) return;
  const chunks: AsyncIterable<Uint8Array> | Uint8Array[] = body instanceof Uint8Array ? [body] : body;
  let rest: Uint8Array[] = [];
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(0x0a);
    if (end < 0) {
      rest.push(chunk);
      continue;
    }
    const whole = rest.length ? Buffer.concat([...rest, chunk.subarray(0, end)]) : asBuffer(chunk.subarray(0, end));
    rest = end + 1 < chunk.length ? [chunk.subarray(end + 1)] : [];
    const batch = parseLines<T>(whole.toString());
    if (batch.length) yield batch;
  }
  const last = parseLines<T>(Buffer.concat(rest).toString());
  if (last.length) yield last;
}

function parseLines<T>(text: string): WatchEvent<T>[] {
  const events: WatchEvent<T>[] = [];
  for (const line of text.split('\n')) if (line.trim()) events.push(JSON.parse(line));
  return events;
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
