import { badRequestError, cannotBeHandled, decodeProtobufContent, duplicateYamlKeys, parseApiVersion, parseJsonStrict, parseYaml, protobufEnvelope, StatusError, type Status } from '@pilothouse/apimachinery';
import { typeOfKind } from '@pilothouse/api-schemas';
import { messageOf } from '@pilothouse/base';

/** A request's body as a value, before any type is applied. */
export interface ParsedBody {
  value: unknown;
  duplicateFields: readonly string[];
  /** Strict decoding words the findings in YAML in its own way. */
  yaml?: boolean;
}

export const bareMediaType = (header: string | string[] | undefined): string => (Array.isArray(header) ? header[0] : (header ?? '')).split(';')[0].trim().toLowerCase();

/** No decoder for the body's type. */
export const unsupportedBody = (offered: readonly string[]): StatusError => new StatusError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: `the body of the request was in an unknown format - accepted media types include: ${offered.join(', ')}`, reason: 'UnsupportedMediaType', code: 415 } satisfies Status);

const objectTypes = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];

/** Parses the body of a create, update or delete. @param apiVersion with `kind`: what is expected, and what a message that says neither is @throws StatusError 400, 415 */
export function parseBody(headers: Record<string, string | string[] | undefined>, body: Uint8Array | undefined, kind: string, apiVersion: string): ParsedBody {
  const type = bareMediaType(headers['content-type']) || 'application/json';
  const bytes = body ?? new Uint8Array();
  if (type === 'application/json') {
    try {
      const { value, duplicateFields, tooLarge } = parseJsonStrict(bytes);
      if (tooLarge !== undefined && isCustom(apiVersion, kind)) throw unrecognized(kind, `json: cannot unmarshal number ${tooLarge} into Go value of type float64`, bytes);
      return { value, duplicateFields };
    } catch (error) {
      if (error instanceof StatusError) throw error;
      throw unrecognized(kind, `couldn't get version/kind; json parse error: ${messageOf(error)}`, bytes);
    }
  }
  if (type === 'application/yaml') {
    const text = Buffer.from(bytes).toString();
    try {
      return { value: parseYaml(text), duplicateFields: duplicateYamlKeys(text), yaml: true };
    } catch (error) {
      throw unrecognized(kind, messageOf(error), bytes);
    }
  }
  if (type === 'application/vnd.kubernetes.protobuf') return { value: parseProtobuf(bytes, { kind, apiVersion }), duplicateFields: [] };
  throw unsupportedBody(objectTypes);
}

/** Objects of kinds with types of their own are read field by field, which tells of such a number by the field. */
function isCustom(apiVersion: string, kind: string): boolean {
  const { group, version } = parseApiVersion(apiVersion);
  return !typeOfKind(group, version, kind);
}

function parseProtobuf(bytes: Uint8Array, expected: { kind: string; apiVersion: string }): object {
  let envelope: ReturnType<typeof protobufEnvelope>;
  try {
    envelope = protobufEnvelope(bytes);
  } catch (error) {
    throw unrecognized(expected.kind, messageOf(error), bytes);
  }
  const kind = envelope.kind || expected.kind;
  const apiVersion = envelope.apiVersion || expected.apiVersion;
  try {
    return { kind, apiVersion, ...decodeProtobufContent(envelope.raw, apiVersion, kind) };
  } catch (error) {
    throw cannotBeHandled(kind, parseApiVersion(apiVersion).version, expected.kind, messageOf(error));
  }
}

/** @throws never; makes the 400 for a body that is no object of any kind. Its cause has the reason alone. */
export function unrecognized(kind: string, why: string, bytes: Uint8Array): StatusError {
  return badRequestError(`the object provided is unrecognized (must be of type ${kind}): ${why} (${excerpt(bytes)})`, new Error(why));
}

/** The first bytes of a body, as text where it looks like JSON, else in hexadecimal. */
function excerpt(bytes: Uint8Array): string {
  if (!bytes.length) return '<empty>';
  const limit = 30;
  const looksJson = bytes[0] === 0x7b;
  if (looksJson) return bytes.length > limit ? `${Buffer.from(bytes.subarray(0, limit)).toString()} ...` : Buffer.from(bytes).toString();
  return bytes.length > limit ? `${Buffer.from(bytes.subarray(0, limit)).toString('hex')} ...` : Buffer.from(bytes).toString('hex');
}
