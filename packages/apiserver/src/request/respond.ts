import { type ApiRequest, type ApiResponse, encodeProtobuf, isTooDeepToIndent, type Status, type StatusError, writeYaml } from '@pilothouse/apimachinery';
import { type Accepted, protobufType, statusFormat, wantsPretty } from './negotiate.ts';

export const jsonType = 'application/json';

/** Headers are shared between answers: never changed in place. */
const jsonHeaders: Record<string, string> = Object.freeze({ 'content-type': jsonType, 'cache-control': 'no-cache, private' }) as Record<string, string>;

/** An answer of JSON bytes that are already there. */
export const jsonBytes = (body: Uint8Array | Uint8Array[], status = 200): ApiResponse => ({ status, headers: jsonHeaders, body });

/** An answer of a JSON value. */
export const jsonAnswer = (value: unknown, status = 200): ApiResponse => jsonBytes(Buffer.from(`${JSON.stringify(value)}\n`), status);

/** An answer of plain text. */
export const textAnswer = (text: string, status = 200): ApiResponse => ({ status, headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-cache, private', ...(status >= 400 && { 'x-content-type-options': 'nosniff' }) }, body: Buffer.from(text) });

/** A value of a built-in kind in the form asked for. */
export function valueAnswer({ format, pretty }: Pick<Accepted, 'format' | 'pretty'>, value: object, status = 200): ApiResponse {
  if (format === 'json') return pretty && !isTooDeepToIndent(value) ? jsonBytes(Buffer.from(`${JSON.stringify(value, null, 2)}\n`), status) : jsonAnswer(value, status);
  if (format === 'yaml') return { status, headers: { ...jsonHeaders, 'content-type': 'application/yaml' }, body: Buffer.from(writeYaml(value)) };
  return protobufBytes(encodeProtobuf(value), status);
}

/** An answer of Kubernetes protobuf. */
export const protobufBytes = (body: Uint8Array | Uint8Array[], status = 200): ApiResponse => ({ status, headers: protobufHeaders, body });

const protobufHeaders: Record<string, string> = Object.freeze({ ...jsonHeaders, 'content-type': protobufType }) as Record<string, string>;

/** What a failure is answered with, in the form that the client accepts. */
export function statusAnswer(error: StatusError, request: Pick<ApiRequest, 'headers' | 'url' | 'wantObjects'>): ApiResponse {
  const status: Status = { kind: 'Status', apiVersion: 'v1', ...error.status, metadata: error.status.metadata ?? {} };
  if (request.wantObjects) return { status: error.code, headers: { ...jsonHeaders, ...error.headers }, object: status };
  const answer = statusBody(status, request, error.code);
  const wait = status.details?.retryAfterSeconds;
  return wait || Object.keys(error.headers).length ? { ...answer, headers: { ...answer.headers, ...(wait && { 'retry-after': String(wait) }), ...error.headers } } : answer;
}

function statusBody(status: Status, { headers, url }: Pick<ApiRequest, 'headers' | 'url'>, code: number): ApiResponse {
  const form = statusFormat(headers.accept);
  // A client that accepts no form of a Status gets it all the same.
  if (!form) return rawJson(status, code);
  const mark = url.indexOf('?');
  const pretty = form.pretty || wantsPretty(headers, new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1)));
  return valueAnswer({ format: form.format, pretty }, status, code);
}

/** Indented JSON without a line's end, as upstream writes what is no API object. */
export const rawJson = (value: unknown, status = 200): ApiResponse => jsonBytes(Buffer.from(JSON.stringify(value, null, 2)), status);

/** Characters of all warnings together, past which each is cut short. */
const longestWarnings = 4096;
const longestCutWarning = 256;

/**
 * The header values of warnings (RFC 7234): `299 - "text"`, each once, in UTF-8 as bytes of the header. Texts that a
 * header cannot hold are left out. Where all of them are too long, each is cut and as many are given as fit.
 */
export function warningHeaders(warnings: readonly string[]): string[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what no header may hold
  const texts = [...new Set(warnings)].filter((text) => text && !/[\u0000-\u001f\u007f-\u009f]/.test(text)).map((text) => [...text]);
  const total = texts.reduce((length, text) => length + text.length, 0);
  if (total <= longestWarnings) return texts.map(warningHeader);
  const out: string[] = [];
  let length = 0;
  for (const text of texts) {
    if (length >= longestWarnings) break;
    const cut = text.slice(0, longestCutWarning);
    length += cut.length;
    out.push(warningHeader(cut));
  }
  return out;
}

const warningHeader = (text: readonly string[]): string => `299 - "${Buffer.from(text.join('').replace(/[\\"]/g, '\\$&')).toString('latin1')}"`;
