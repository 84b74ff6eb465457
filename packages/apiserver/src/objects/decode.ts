import { apiVersionOf, badRequestError, cannotBeHandled, goQuote, type KubeObject, parseApiVersion } from '@pilothouse/apimachinery';
import { typeOfKind } from '@pilothouse/api-schemas';
import type { ObjectCodec } from '../contract.ts';
import { cloneJson } from './clone.ts';
import { bareMediaType, type ParsedBody, parseBody, unrecognized, unsupportedBody } from '../request/body.ts';
import { protobufType } from '../request/negotiate.ts';

export interface BodyKind {
  group: string;
  version: string;
  kind: string;
  codec: ObjectCodec;
  /** Versions that are taken too, of the same fields. */
  olderVersions?: readonly string[];
}

export type FieldValidation = 'Ignore' | 'Warn' | 'Strict';

/** Where a body comes from. */
export interface BodySource {
  headers: Record<string, string | string[] | undefined>;
  body?: Uint8Array;
  bodyObject?: unknown;
}

/** The object in a request's body, decoded and with the schema's defaults. @throws StatusError 400, 415 */
export function decodeBody<T extends KubeObject>(source: BodySource, expected: BodyKind, validation: FieldValidation, warnings: string[]): T {
  if (expected.codec.statesKind && bareMediaType(source.headers['content-type']) === protobufType) throw unsupportedBody(['application/json', 'application/yaml']);
  const parsed: ParsedBody = source.bodyObject !== undefined ? { value: source.bodyObject, duplicateFields: [] } : parseBody(source.headers, source.body, expected.kind, apiVersionOf(expected.group, expected.version));
  const object = decodeValue<T>(parsed, expected, validation, warnings, source.body);
  if (expected.codec.statesKind && object.apiVersion !== versionOf(expected)) throw wrongVersion(object.apiVersion ?? '', expected);
  return object;
}

const versionOf = ({ group, version }: BodyKind): string => (group ? `${group}/${version}` : version);
const wrongVersion = (given: string, expected: BodyKind) => badRequestError(`the API version in the data (${given}) does not match the expected API version (${versionOf(expected)})`);

/** A parsed value as an object of the expected kind. @throws StatusError 400 */
export function decodeValue<T extends KubeObject>(parsed: ParsedBody, expected: BodyKind, validation: FieldValidation, warnings: string[], bytes: Uint8Array = new Uint8Array()): T {
  const value = parsed.value === null || parsed.value === undefined ? {} : parsed.value;
  checkShape(value, expected.kind, bytes);
  const { apiVersion, kind } = value as { apiVersion?: string; kind?: string };
  if (expected.codec.statesKind) checkStatedKind(kind, expected, value, bytes);
  else checkKind(apiVersion ?? '', kind ?? '', expected, value, bytes);
  const { object, unknownFields, keptEmptyLists } = expected.codec.decode(value, { keepEmptyLists: true });
  if (keptEmptyLists) withEmptyLists.add(object);
  if (validation !== 'Ignore') {
    const findings = [...parsed.duplicateFields, ...unknownFields];
    if (findings.length) {
      if (validation === 'Strict') throw strictError(expected, parsed.yaml && parsed.duplicateFields.length ? [`yaml: unmarshal errors:\n  ${parsed.duplicateFields.join('\n  ')}`, ...unknownFields] : findings);
      warnings.push(...findings);
    }
  }
  if (!expected.codec.statesKind) {
    object.kind = expected.kind;
    object.apiVersion = versionOf(expected);
  }
  object.metadata ??= {};
  // An empty list, which decoding drops, asks to forget all managers.
  const managers = (value as { metadata?: { managedFields?: unknown } }).metadata?.managedFields;
  if (Array.isArray(managers) && !managers.length) object.metadata.managedFields = [];
  expected.codec.defaults(object);
  return object as T;
}

const withEmptyLists = new WeakSet<object>();

/** A deep copy of a decoded object, for an attempt at writing it. */
export function copyDecoded<T extends KubeObject>(decoded: T): T {
  const copy = cloneJson(decoded);
  if (withEmptyLists.has(decoded)) withEmptyLists.add(copy);
  return copy;
}

/**
 * Gives a decoded object the form it is stored in, once its fields have been attributed: empty lists that Go's stored
 * form does not keep become null. Changes `object`; `decoded` is what `decodeBody` gave, where `object` is a copy of it.
 */
export function settleEmptyLists(codec: ObjectCodec, object: KubeObject, decoded: KubeObject = object): void {
  if (!withEmptyLists.has(decoded)) return;
  const plain = codec.decode(object).object as Record<string, unknown>;
  const target = object as unknown as Record<string, unknown>;
  for (const field in target) if (!(field in plain)) delete target[field];
  Object.assign(target, plain);
}

const strictError = (expected: BodyKind, findings: readonly string[]) => badRequestError(`${expected.kind} in version ${goQuote(expected.version)} cannot be handled as a ${expected.kind}: strict decoding error: ${findings.join(', ')}`);

function checkShape(value: unknown, kind: string, bytes: Uint8Array): void {
  if (typeof value === 'object' && !Array.isArray(value)) return;
  const what = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  throw unrecognized(kind, `couldn't get version/kind; json parse error: json: cannot unmarshal ${what} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`, bytes);
}

/** A body of a kind that only it can tell. */
function checkStatedKind(kind: unknown, expected: BodyKind, value: unknown, bytes: Uint8Array): void {
  if (typeof kind === 'string' && kind) return;
  const body = bytes.length ? bytes : Buffer.from(JSON.stringify(value));
  throw unrecognized(expected.kind, `Object 'Kind' is missing in '${Buffer.from(body).toString()}'`, body);
}

function checkKind(apiVersion: string, kind: string, expected: BodyKind, value: unknown, bytes: Uint8Array): void {
  for (const [name, given] of [['apiVersion', apiVersion], ['kind', kind]] as const) {
    if (typeof given === 'string') continue;
    const what = Array.isArray(given) ? 'array' : typeof given === 'boolean' ? 'bool' : typeof given;
    throw unrecognized(expected.kind, `couldn't get version/kind; json parse error: json: cannot unmarshal ${what} into Go struct field .${name} of type string`, bytes.length ? bytes : Buffer.from(JSON.stringify(value)));
  }
  if (apiVersion.split('/').length > 2) throw unrecognized(expected.kind, `unexpected GroupVersion string: ${apiVersion}`, bytes.length ? bytes : Buffer.from(JSON.stringify(value)));
  const given = apiVersion ? parseApiVersion(apiVersion) : { group: expected.group, version: expected.version };
  const givenKind = kind || expected.kind;
  if (given.group === expected.group && (given.version === expected.version || expected.olderVersions?.includes(given.version)) && givenKind === expected.kind) return;
  const expectedVersion = versionOf(expected);
  if (givenKind === expected.kind && given.group === expected.group && typeOfKind(given.group, given.version, givenKind)) throw wrongVersion(apiVersion, expected);
  const internal = goPackage(expected.group);
  const exists = typeOfKind(given.group, given.version, givenKind) ?? (givenKind.endsWith('List') ? typeOfKind(given.group, given.version, givenKind.slice(0, -4)) ?? (givenKind === 'List' && apiVersion === 'v1') : undefined);
  if (exists) throw cannotBeHandled(givenKind, given.version, expected.kind, `converting (${given.version}.${givenKind}) to (${internal}.${expected.kind}): unknown conversion`);
  throw cannotBeHandled(givenKind, given.version, expected.kind, `no kind ${goQuote(givenKind)} is registered for version ${goQuote(apiVersion || expectedVersion)} in scheme "pkg/runtime/scheme.go:111"`);
}

/** The package of upstream's internal types, which its messages name. */
const goPackage = (group: string): string => (group === '' ? 'core' : group.split('.')[0]);
