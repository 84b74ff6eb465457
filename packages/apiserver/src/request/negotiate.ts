import { notAcceptableError, type Status, StatusError } from '@pilothouse/apimachinery';

/** How the client wants its answer. */
export interface Accepted {
  format: 'json' | 'yaml' | 'protobuf';
  pretty: boolean;
  /** A transformation of the object asked for. */
  as?: { kind: 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList'; version: string };
}

const plain: Accepted = { format: 'json', pretty: false };
const prettyJson: Accepted = { format: 'json', pretty: true };

export const protobufType = 'application/vnd.kubernetes.protobuf';
const representations = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];
const streams = ['application/json;stream=watch', 'application/vnd.kubernetes.protobuf;stream=watch'];

/** None of the representations is acceptable. @param streamed whether the endpoint can also be watched */
function notAcceptable(streamed: boolean): StatusError {
  const offered = [...representations, ...(streamed ? streams : [])].join(', ');
  return new StatusError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: `406: Not Acceptable\n\nAvailable representations: ${offered}`, reason: 'NotAcceptable', details: {}, code: 406 } satisfies Status);
}

interface Clause {
  type: string;
  params: Record<string, string>;
  quality: number;
}

/** Clauses of an Accept header, the best first. */
export function parseAccept(header: string): Clause[] {
  const clauses = header.split(',').map((text) => {
    const [type, ...rest] = text.split(';').map((part) => part.trim());
    const params: Record<string, string> = {};
    let quality = 1;
    for (const part of rest) {
      const equals = part.indexOf('=');
      if (equals < 0) continue;
      const name = part.slice(0, equals).trim();
      const value = part.slice(equals + 1).trim();
      if (name === 'q') quality = Number(value) || 0;
      else params[name] = value;
    }
    return { type, params, quality };
  });
  return clauses.sort((a, b) => b.quality - a.quality);
}

/**
 * Chooses the representation: the best clause of Accept that can be met. `stream`: the endpoint can be watched (lists);
 * `protobuf`: objects have that form (custom ones do not; their metadata has).
 * @throws StatusError 406
 */
export function negotiate(headers: Record<string, string | string[] | undefined>, query: URLSearchParams, stream: boolean, protobuf = true): Accepted {
  const header = headers.accept;
  const pretty = wantsPretty(headers, query);
  if (!header || header === '*/*' || header === 'application/json') return pretty ? prettyJson : plain;
  const clauses = parseAccept(Array.isArray(header) ? header.join(',') : header);
  if (!clauses.some(({ type }) => type === '*/*' || representations.includes(type))) throw notAcceptable(stream);
  for (const { type, params } of clauses) {
    const accepted = acceptClause(type, params, pretty, protobuf);
    if (accepted) return accepted;
  }
  throw notAcceptableError(`only the following media types are accepted: ${representations.join(', ')}`);
}

function acceptClause(type: string, params: Record<string, string>, pretty: boolean, protobuf: boolean): Accepted | undefined {
  const format = formatOf(type);
  if (!format) return undefined;
  const { as, g, v } = params;
  if (as === undefined && (g !== undefined || v !== undefined)) return undefined;
  if (as === undefined) return format === 'protobuf' && !protobuf ? undefined : { format, pretty: pretty || params.pretty === '1' };
  if (g !== 'meta.k8s.io' || (v !== 'v1' && v !== 'v1beta1')) return undefined;
  if (as !== 'Table' && as !== 'PartialObjectMetadata' && as !== 'PartialObjectMetadataList') return undefined;
  if (as === 'Table' && format === 'protobuf') return undefined;
  return { format, pretty, as: { kind: as, version: v } };
}

function formatOf(type: string): Accepted['format'] | undefined {
  if (type === 'application/json' || type === '*/*' || type === 'application/*') return 'json';
  return type === 'application/yaml' ? 'yaml' : type === protobufType ? 'protobuf' : undefined;
}

/** The form of a Status: the best clause that asks for no transformation; JSON where there is none. */
export function statusFormat(accept: string | string[] | undefined): Accepted['format'] {
  if (!accept || accept === 'application/json' || accept === '*/*') return 'json';
  for (const { type, params } of parseAccept(Array.isArray(accept) ? accept.join(',') : accept)) {
    const accepted = acceptClause(type, params, false, true);
    if (accepted && !accepted.as) return accepted.format;
  }
  return 'json';
}

/** `?pretty=true`, or a client that a person is likely to read from. */
function wantsPretty(headers: Record<string, string | string[] | undefined>, query: URLSearchParams): boolean {
  const asked = query.size ? query.get('pretty') : null;
  if (asked !== null) return asked !== '' && asked !== 'false' && asked !== '0';
  const agent = headers['user-agent'];
  return typeof agent === 'string' && (agent.startsWith('curl') || agent.startsWith('Wget') || agent.startsWith('Mozilla/5.0'));
}
