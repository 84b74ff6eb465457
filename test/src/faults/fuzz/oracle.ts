/** What every answer must be, whatever was asked. */
import { decodeProtobuf, parseYaml } from '@pilothouse/apimachinery';
import { protobufType } from '@pilothouse/apiserver/request/negotiate';
import type { Answer, FuzzRequest } from './request.ts';

/** The codes that the API documents. */
const documented = new Set([200, 201, 202, 204, 400, 401, 403, 404, 405, 406, 409, 410, 413, 415, 422, 429, 500, 501, 503, 504]);

/** Texts of upstream's own answers of 500 to bad requests: plain errors that carry no reason. */
const upstreams500: readonly RegExp[] = [
  /^unknown patch type: /,
  /^(map|expected|unable to find api field|cannot merge lists|list element types|no elements in any|merging lists cannot|merging an object in json|The order in patch list|delete patch type|Error: unknown|The 1st|Order in)/,
  /^map: /,
  /^(metadata\.)?resourceVersion: Invalid value/,
  /^resourceVersion should not be set on objects to be created$/,
  // A binding's findings, which upstream puts together as a plain error.
  /^\[?target\.\w+: /,
  /^strconv\.ParseUint: parsing /,
  /^etcdserver: request is too large$/,
  /^failed to create typed (patch|live|new) object/,
  /^no preferred addresses found; known addresses: /,
  /^failed to (convert new object|update managed fields)/,
];

/** What upstream answers in plain words before any resource is known. */
const routersOwn = /^(400 Bad Request|Internal Server Error: .*failed to create RequestInfo)/;

/** Undefined: as it must be. */
export function faultOf(request: FuzzRequest, answer: Answer): string | undefined {
  const { status, headers, body } = answer;
  if (!documented.has(status)) return `answers with status ${status}`;
  const type = String(headers['content-type'] ?? '');
  if (status >= 400) return failureFault(request, status, type, body);
  if (!body.length) return undefined;
  try {
    contentOf(type, body);
  } catch (error) {
    return `answers ${status} with a body that is no ${type}: ${(error as Error).message.slice(0, 80)}`;
  }
  return undefined;
}

function failureFault(request: FuzzRequest, status: number, type: string, body: Buffer): string | undefined {
  // Where no resource is, the router answers: in plain words, or with none.
  if ((type.startsWith('text/plain') || !body.length) && (status === 404 || status === 405 || status === 406 || routersOwn.test(body.toString()) || !/^\/apis?\/./.test(request.url))) return undefined;
  let value: { kind?: string; status?: string; code?: number; reason?: string; message?: string };
  try {
    value = contentOf(type, body) as typeof value;
  } catch (error) {
    return `answers ${status} with a body that is no ${type}: ${(error as Error).message.slice(0, 80)}`;
  }
  if (value?.kind !== 'Status' || value.status !== 'Failure' || value.code !== status) return `answers ${status} with what is no Status of that code`;
  if (status === 500 && (value.reason || !upstreams500.some((known) => known.test(value.message ?? '')))) return `answers 500 ${value.reason ?? ''}: ${(value.message ?? '').replace(/\d+/g, 'N').slice(0, 120)}`;
  if (status === 429 && !value.message) return 'answers 429 without a message';
  if (status === 504 && !/retry|resource version|timeout|allotted/i.test(value.message ?? '')) return `answers 504: ${value.message}`;
  return undefined;
}

/** The body as its type says. @throws for what is not of that type */
export function contentOf(type: string, body: Buffer): unknown {
  if (type.startsWith('application/json') && !type.includes('stream=watch')) {
    const text = body.toString();
    // A watch of plain objects has a line for each.
    return text.indexOf('\n') < text.length - 1 && text.startsWith('{"type":') ? text.trim().split('\n').map((line) => JSON.parse(line) as unknown) : JSON.parse(text);
  }
  if (type.includes('stream=watch')) return undefined;
  if (type.startsWith('application/yaml')) return parseYaml(body.toString());
  if (type.startsWith(protobufType)) return decodeProtobuf(body);
  return body;
}

/** What JavaScript's own objects look like before anything was sent. */
const nativeShape = (): string => [Object.prototype, Array.prototype, Function.prototype, String.prototype].map((proto) => Object.getOwnPropertyNames(proto).join()).join('|');
const shapeAtFirst = nativeShape();

/** Whether some request reached the prototypes that all objects share. */
export const prototypesChanged = (): boolean => nativeShape() !== shapeAtFirst || ({} as { polluted?: unknown }).polluted !== undefined;
