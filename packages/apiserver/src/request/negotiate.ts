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

/** Clauses of an Accept header, the preferred first. What is no clause is left out. Facts: github.com/munnerz/goautoneg. */
export function parseAccept(header: string): Clause[] {
  const clauses: Clause[] = [];
  for (const text of header.split(',')) {
    const [type, ...rest] = text.split(';').map((part) => part.trim());
    if (type !== '*' && !/^[^/]*\/[^/]+$/.test(type)) continue;
    const params: Record<string, string> = {};
    let quality = 1;
    for (const part of rest) {
      const [name, value, ...more] = part.split('=').map((side) => side.trim());
      if (!value || more.length) continue;
      if (name === 'q') quality = Number(value) || 0;
      else params[name] = value;
    }
    insert(clauses, { type: type === '*' ? '*/*' : type, params, quality });
  }
  return clauses;
}

/** Puts a clause before those it goes before; one that names a type goes before a wildcard of any quality. */
function insert(clauses: Clause[], clause: Clause): void {
  let at = clauses.length;
  while (at > 0 && goesBefore(clause, clauses[at - 1])) at--;
  clauses.splice(at, 0, clause);
}

const goesBefore = (a: Clause, b: Clause): boolean => a.quality > b.quality || (!a.type.startsWith('*/') && b.type.startsWith('*/')) || (!a.type.endsWith('/*') && b.type.endsWith('/*'));

/**
 * Chooses the representation: the best clause of Accept that can be met. `stream`: the endpoint can be watched (lists);
 * `protobuf`: objects have that form (custom ones do not; their metadata has).
 * @throws StatusError 406
 */
export function negotiate(headers: Record<string, string | string[] | undefined>, query: URLSearchParams, stream: boolean, protobuf = true): Accepted {
  const header = headers.accept;
  const pretty = wantsPretty(headers, query);
  if (!header || header === '*/*' || header === 'application/json') return pretty ? prettyJson : plain;
  const text = Array.isArray(header) ? header.join(',') : header;
  if (!text.split(',').some((clause) => offered.has(clause.split(';')[0].trim()))) throw notAcceptable(stream);
  for (const { type, params } of parseAccept(text)) {
    for (const format of formatsOf(type)) {
      const accepted = acceptClause(format, params, pretty, protobuf);
      if (accepted) return accepted;
    }
  }
  throw notAcceptableError(`only the following media types are accepted: ${representations.join(', ')}`);
}

/** What the route itself looks for in the header. */
const offered = new Set(['*/*', ...representations]);

/** @throws StatusError 406 where the format cannot be streamed */
export function checkStreamable({ format }: Accepted): void {
  if (format === 'yaml') throw notAcceptableError(`only the following media types are accepted: ${streams.join(', ')}`);
}

type Format = Accepted['format'];

function acceptClause(format: Format, params: Record<string, string>, pretty: boolean, protobuf: boolean, serverVersion: string | undefined = 'v1'): Accepted | undefined {
  const { as, g, v, stream, sv } = params;
  if (stream !== undefined && (stream !== 'watch' || format === 'yaml')) return undefined;
  if (sv !== undefined && sv !== serverVersion) return undefined;
  const indented = pretty || params.pretty === '1';
  if (as === undefined && (g !== undefined || v !== undefined)) return undefined;
  if (as === undefined) return format === 'protobuf' && !protobuf ? undefined : { format, pretty: indented };
  if (g !== 'meta.k8s.io' || (v !== 'v1' && v !== 'v1beta1')) return undefined;
  if (as !== 'Table' && as !== 'PartialObjectMetadata' && as !== 'PartialObjectMetadataList') return undefined;
  if (as === 'Table' && format === 'protobuf') return undefined;
  return { format, pretty: indented, as: { kind: as, version: v } };
}

const formats: Readonly<Record<string, readonly Format[]>> = { 'application/json': ['json'], 'application/yaml': ['yaml'], [protobufType]: ['protobuf'], 'application/*': ['json', 'yaml', 'protobuf'], '*/*': ['json', 'yaml', 'protobuf'] };

const formatsOf = (type: string): readonly Format[] => formats[type] ?? [];

/** The form of a Status: the best clause that asks for no transformation; undefined where there is none. */
export function statusFormat(accept: string | string[] | undefined): Pick<Accepted, 'format' | 'pretty'> | undefined {
  if (!accept || accept === 'application/json' || accept === '*/*') return plain;
  for (const { type, params } of parseAccept(Array.isArray(accept) ? accept.join(',') : accept)) {
    for (const format of formatsOf(type)) {
      const accepted = acceptClause(format, params, false, true, undefined);
      if (accepted && !accepted.as) return accepted;
    }
  }
  return undefined;
}

/** What Go's strconv.ParseBool takes for true. */
const parsedAsTrue = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);

/** `?pretty=true`, or a client that a person is likely to read from. */
export function wantsPretty(headers: Record<string, string | string[] | undefined>, query: URLSearchParams): boolean {
  const asked = query.size ? query.get('pretty') : null;
  if (asked) return parsedAsTrue.has(asked);
  const agent = headers['user-agent'];
  return typeof agent === 'string' && (agent.startsWith('curl') || agent.startsWith('Wget') || agent.startsWith('Mozilla/5.0'));
}
