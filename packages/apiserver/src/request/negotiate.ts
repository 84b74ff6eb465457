import { notAcceptableError, type Status, StatusError } from '@pilothouse/apimachinery';

/** How the client wants its answer. */
export interface Accepted {
  format: 'json' | 'yaml';
  pretty: boolean;
  /** A transformation of the object asked for. */
  as?: { kind: 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList'; version: string };
}

const plain: Accepted = { format: 'json', pretty: false };
const prettyJson: Accepted = { format: 'json', pretty: true };

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

function parseAccept(header: string): Clause[] {
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
 * Chooses the representation. `stream`: the endpoint can be watched (lists).
 * @throws StatusError 406
 */
export function negotiate(headers: Record<string, string | string[] | undefined>, query: URLSearchParams, stream: boolean): Accepted {
  const header = headers.accept;
  const pretty = wantsPretty(headers, query);
  if (!header || header === '*/*' || header === 'application/json') return pretty ? prettyJson : plain;
  const clauses = parseAccept(Array.isArray(header) ? header.join(',') : header);
  if (!clauses.some(({ type }) => type === '*/*' || representations.includes(type))) throw notAcceptable(stream);
  for (const { type, params } of clauses) {
    const accepted = acceptClause(type, params, pretty);
    if (accepted) return accepted;
  }
  throw notAcceptableError(`only the following media types are accepted: ${representations.join(', ')}`);
}

function acceptClause(type: string, params: Record<string, string>, pretty: boolean): Accepted | undefined {
  const format = type === 'application/yaml' ? 'yaml' : type === 'application/json' || type === '*/*' || type === 'application/*' ? 'json' : undefined;
  if (!format) return undefined;
  const { as, g, v } = params;
  if (as === undefined && (g !== undefined || v !== undefined)) return undefined;
  if (as === undefined) return { format, pretty: pretty || params.pretty === '1' };
  if (g !== 'meta.k8s.io' || (v !== 'v1' && v !== 'v1beta1')) return undefined;
  if (as !== 'Table' && as !== 'PartialObjectMetadata' && as !== 'PartialObjectMetadataList') return undefined;
  return { format, pretty, as: { kind: as, version: v } };
}

/** `?pretty=true`, or a client that a person is likely to read from. */
function wantsPretty(headers: Record<string, string | string[] | undefined>, query: URLSearchParams): boolean {
  const asked = query.size ? query.get('pretty') : null;
  if (asked !== null) return asked !== '' && asked !== 'false' && asked !== '0';
  const agent = headers['user-agent'];
  return typeof agent === 'string' && (agent.startsWith('curl') || agent.startsWith('Wget') || agent.startsWith('Mozilla/5.0'));
}
