import { type ApiRequest, badRequestError, cannotBeHandled, goQuote, parseJsonStrict, parseYaml, StatusError, tooLargeError } from '@pilothouse/apimachinery';
import { messageOf } from '@pilothouse/base/errors';
import { kinds } from './schemas.ts';
import { readShape } from './shape.ts';
import { labApiVersion, labVersion } from './types.ts';

/** Longest body, as the API server's. */
const mostBytes = 3 * 1024 * 1024;

export interface Body<T> {
  readonly object: T;
  /** For the Warning header. */
  readonly warnings: readonly string[];
}

/** The object in a request's body, with unknown fields treated as `fieldValidation` says (default Warn). @throws StatusError 400, 413, 415 */
export function readBody<T extends { metadata?: object }>(request: ApiRequest, kind: string, query: URLSearchParams): Body<T> {
  const { value, duplicates } = parse(request, kind);
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw badRequestError(`the object provided is unrecognized (must be of type ${kind}): couldn't get version/kind; json parse error: json: cannot unmarshal ${Array.isArray(value) ? 'array' : typeof value} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`);
  const given = value as { apiVersion?: unknown; kind?: unknown };
  if ((given.kind ?? kind) !== kind || (given.apiVersion ?? labApiVersion) !== labApiVersion) throw wrongKind(kind, given);
  const unknown: string[] = [];
  const object = readShape<T>(kinds[kind], value, kind, labVersion, unknown);
  const findings = [...duplicates, ...unknown];
  const validation = query.get('fieldValidation') || 'Warn';
  if (!['Ignore', 'Warn', 'Strict'].includes(validation)) throw new StatusError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: `CreateOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: ${goQuote(validation)}: supported values: "Ignore", "Strict", "Warn"`, reason: 'Invalid', code: 422 });
  if (findings.length && validation === 'Strict') throw badRequestError(`${kind} in version "${labVersion}" cannot be handled as a ${kind}: strict decoding error: ${findings.join(', ')}`);
  return { object: { ...object, metadata: object.metadata ?? {} }, warnings: validation === 'Warn' ? findings : [] };
}

function parse({ headers, body, bodyObject }: ApiRequest, kind: string): { value: unknown; duplicates: readonly string[] } {
  if (bodyObject !== undefined) return { value: bodyObject, duplicates: [] };
  const bytes = body ?? new Uint8Array();
  if (bytes.length > mostBytes) throw tooLargeError(`limit is ${mostBytes}`);
  const type = String(headers['content-type'] ?? 'application/json').split(';')[0].trim().toLowerCase();
  try {
    if (type === 'application/json') {
      const { value, duplicateFields } = parseJsonStrict(bytes);
      return { value, duplicates: duplicateFields };
    }
    if (type === 'application/yaml') return { value: parseYaml(new TextDecoder().decode(bytes)), duplicates: [] };
  } catch (error) {
    throw badRequestError(`the object provided is unrecognized (must be of type ${kind}): couldn't get version/kind; json parse error: ${messageOf(error)}`);
  }
  throw new StatusError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: 'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml', reason: 'UnsupportedMediaType', code: 415 });
}

const wrongKind = (kind: string, given: { apiVersion?: unknown; kind?: unknown }): StatusError =>
  given.kind !== undefined && given.kind !== kind
    ? cannotBeHandled(String(given.kind), String(given.apiVersion ?? '').split('/').at(-1) ?? '', kind, `no kind ${goQuote(String(given.kind))} is registered for version ${goQuote(String(given.apiVersion ?? ''))}`)
    : badRequestError(`the API version in the data (${String(given.apiVersion)}) does not match the expected API version (${labApiVersion})`);
