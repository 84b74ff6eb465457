import { goQuote } from '../go-format.ts';
import { builtinTypes, type FieldSchema, type TypeRef, type TypeSchema } from '@pilothouse/api-schemas';
import { cannotBeHandled, DecodeError, mismatch, newContext, noteUnknown } from './decode-context.ts';
import { type Decode, scalarDecoders, scalarZeros } from './scalars.ts';

export interface Decoded<T> {
  object: T;
  /** `unknown field "spec.foo"`, in the order met; at most 100. */
  unknownFields: string[];
  /** With `keepEmptyLists`: the object has empty lists that it is not stored with. */
  keptEmptyLists?: boolean;
}

/** How one field is read and when it is written. */
interface FieldPlan {
  name: string;
  decode: Decode;
  /** An explicit zero is kept. */
  pointer: boolean;
  /** Written even when absent. */
  always: boolean;
  isMap: boolean;
  isBytes: boolean;
  /** Empty lists of types stored as JSON stay `[]`; those stored as protobuf come back as null. */
  keepsEmptyList: boolean;
  /** An empty list says something that an absent one does not. */
  emptyIsSaid: boolean;
  zero(): unknown;
}

interface StructPlan {
  decode: Decode;
  zero(): Record<string, unknown>;
}

const structPlans = new Map<TypeSchema, StructPlan>();

/** Compiled once per type, at first use. */
function structPlan(type: TypeSchema): StructPlan {
  let plan = structPlans.get(type);
  if (!plan) {
    plan = compileStruct(type);
    structPlans.set(type, plan);
  }
  return plan;
}

/**
 * Reads a JSON value as an object of the type, the way Go's decoder and encoder would carry it: a new object with the
 * fields in the type's order, empty ones left out or written as their flags say, maps in key order, quantities and
 * times in canonical form. Empty lists (and bytes) of fields that are always written become null, as the stored form has them; with
 * `keepEmptyLists` they stay, for field ownership tells the two apart. Keys must match in case. Leaves that are objects of any kind are shared with the input.
 * @throws StatusError 400 where a value does not fit its type.
 */
export function decodeObject<T = any>(type: TypeSchema, value: unknown, { keepEmptyLists = false } = {}): Decoded<T> {
  const context = newContext();
  context.keepEmptyLists = keepEmptyLists;
  try {
    const object = structPlan(type).decode(value, context, 0) as T;
    return { object, unknownFields: context.unknown.length > 1 ? inDocumentOrder(context.unknown, value) : context.unknown, ...(context.keptEmptyLists && { keptEmptyLists: true }) };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const [gvk] = type.gvk ?? [];
    const kind = gvk?.kind ?? goName(type);
    throw cannotBeHandled(kind, gvk?.version ?? 'v1', kind, error.message);
  }
}

/**
 * Reads a part of an object: as `decodeObject`, but an unknown field is its bare path (`labels.x`), and what does not fit is the caller's to word.
 * @throws DecodeError
 */
export function decodeFragment(type: TypeSchema, value: unknown): Decoded<Record<string, unknown>> {
  const context = newContext();
  const object = structPlan(type).decode(value, context, 0) as Record<string, unknown>;
  return { object, unknownFields: context.unknown.map((text) => JSON.parse(text.slice('unknown field '.length)) as string) };
}

/** What Go writes for a field that was never set; undefined where it writes nothing. */
export function zeroOfField(type: TypeSchema, name: string): unknown {
  return structPlan(type).zero()[name];
}

/** Fields are read in the type's order; strict errors come in the document's. */
function inDocumentOrder(found: readonly string[], document: unknown): string[] {
  const left = new Set(found);
  const ordered: string[] = [];
  const visit = (value: unknown, path: string) => {
    if (typeof value !== 'object' || value === null || left.size === 0) return;
    for (const [key, item] of Object.entries(value)) {
      const at = Array.isArray(value) ? `${path}[${key}]` : path ? `${path}.${key}` : key;
      const text = `unknown field ${goQuote(at)}`;
      if (left.delete(text)) ordered.push(text);
      else visit(item, at);
    }
  };
  visit(document, '');
  return [...ordered, ...left];
}

const goName = (type: TypeSchema): string => type.name.slice(type.name.lastIndexOf('.') + 1);

/** `v1.Container`: the type as Go prints it. */
function goTypeOf(ref: TypeRef): string {
  if (ref.t === 'list') return `[]${goTypeOf(ref.of)}`;
  if (ref.t === 'map') return `map[string]${goTypeOf(ref.of)}`;
  if (ref.t === 'ref') return ref.ref.split('.').slice(-2).join('.');
  return ({ bytes: '[]uint8', double: 'float64', quantity: 'resource.Quantity', intOrString: 'intstr.IntOrString', time: 'v1.Time', microTime: 'v1.MicroTime', duration: 'v1.Duration', json: 'v1.JSON', raw: 'runtime.RawExtension' } as Record<string, string>)[ref.t] ?? ref.t;
}

function resolve(ref: string): TypeSchema {
  const type = builtinTypes.get(ref);
  if (!type) throw new Error(`Compile type: ${ref} is not published`);
  return type;
}

function compile(ref: TypeRef): Decode {
  if (ref.t === 'list') return compileList(ref);
  if (ref.t === 'map') return compileMap(ref);
  if (ref.t === 'ref') {
    const type = resolve(ref.ref);
    let plan: StructPlan | undefined;
    return (value, context, depth) => (plan ??= structPlan(type)).decode(value, context, depth);
  }
  return scalarDecoders[ref.t];
}

function zeroOf(ref: TypeRef): () => unknown {
  if (ref.t === 'list' || ref.t === 'map') return () => null;
  if (ref.t === 'ref') {
    const type = resolve(ref.ref);
    return () => structPlan(type).zero();
  }
  const zero = scalarZeros[ref.t];
  return () => zero;
}

function compileList(ref: TypeRef & { t: 'list' }): Decode {
  const element = compile(ref.of);
  const zero = zeroOf(ref.of);
  const goType = goTypeOf(ref);
  return (value, context, depth) => {
    if (!Array.isArray(value)) throw mismatch(context, depth, value, goType);
    const out = new Array(value.length);
    context.owners[depth] = '';
    for (let i = 0; i < value.length; i++) {
      context.path[depth] = i;
      const item = value[i];
      out[i] = item === null ? zero() : element(item, context, depth + 1);
    }
    return out;
  };
}

function compileMap(ref: TypeRef & { t: 'map' }): Decode {
  const element = compile(ref.of);
  const zero = ref.of.t === 'bytes' ? () => '' : zeroOf(ref.of);
  return compileMapOf(goTypeOf(ref), element, zero);
}

function compileMapOf(goType: string, element: Decode, zero: () => unknown): Decode {
  return (value, context, depth) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw mismatch(context, depth, value, goType);
    const source = value as Record<string, unknown>;
    const keys = Object.keys(source);
    sortKeys(keys);
    const out: Record<string, unknown> = {};
    for (const key of keys) {
      context.owners[depth] = '';
      context.path[depth] = key;
      const item = source[key];
      const decoded = item === null ? zero() : element(item, context, depth + 1);
      if (key === '__proto__') Object.defineProperty(out, key, { value: decoded, enumerable: true, configurable: true, writable: true });
      else out[key] = decoded;
    }
    return out;
  };
}

function sortKeys(keys: string[]): void {
  for (let i = 1; i < keys.length; i++) {
    if (keys[i] < keys[i - 1]) {
      keys.sort((a, b) => (a < b ? -1 : 1));
      return;
    }
  }
}

/** Whether objects of the type are stored as JSON rather than as protobuf. */
const storedAsJson = (type: TypeSchema) => type.name.includes('apiextensions-apiserver') || type.name.includes('kube-aggregator');

/** No policies are refused; absent ones get the standard. */
const emptyIsSaid = new Set(['io.k8s.api.autoscaling.v2.HPAScalingRules.policies']);

function planOf(type: TypeSchema, field: FieldSchema): FieldPlan {
  const pointer = !!field.pointer;
  return {
    name: field.name,
    decode: schemaUnion(type, field) ?? compile(field.type),
    pointer,
    always: !field.omitZero && (!field.omitEmpty || (!pointer && isGoStruct(field.type))),
    isMap: field.type.t === 'map',
    isBytes: field.type.t === 'bytes',
    keepsEmptyList: storedAsJson(type),
    emptyIsSaid: emptyIsSaid.has(`${type.name}.${field.name}`),
    zero: pointer ? () => null : zeroOf(field.type),
  };
}

/**
 * Fields of an OpenAPI schema that hold a schema, or something simpler: a list of them (`items`), a boolean
 * (`additional…`), a list of texts (`dependencies`). What is none of these Go reads as nothing.
 */
function schemaUnion(type: TypeSchema, field: FieldSchema): Decode | undefined {
  if (!type.name.endsWith('.JSONSchemaProps')) return undefined;
  const schema: Decode = (value, context, depth) => structPlan(type).decode(value, context, depth);
  const isSchema = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
  const schemas = compileList({ t: 'list', of: { t: 'ref', ref: type.name } });
  const texts = compileList({ t: 'list', of: { t: 'string' } });
  if (field.name === 'items') return (value, context, depth) => (isSchema(value) ? schema(value, context, depth) : Array.isArray(value) && value.length ? schemas(value, context, depth) : undefined);
  if (field.name === 'additionalItems' || field.name === 'additionalProperties')
    return (value, context, depth) => {
      if (typeof value === 'boolean') return value;
      if (isSchema(value)) return schema(value, context, depth);
      throw new DecodeError('boolean or JSON schema expected');
    };
  if (field.name !== 'dependencies') return undefined;
  return compileMapOf('map[string]v1.JSONSchemaPropsOrStringArray', (value, context, depth) => (isSchema(value) ? schema(value, context, depth) : Array.isArray(value) ? texts(value, context, depth) : null), () => null);
}

/** `omitempty` never leaves out a Go struct; quantities and intOrString are structs too. */
const isGoStruct = (ref: TypeRef) => ref.t === 'ref' || ref.t === 'time' || ref.t === 'microTime' || ref.t === 'quantity' || ref.t === 'intOrString' || ref.t === 'duration';

function compileStruct(type: TypeSchema): StructPlan {
  const plans = type.fields.map((field) => planOf(type, field));
  const indexOf = new Map(plans.map((plan, i) => [plan.name, i]));
  const alwaysWritten: number[] = [];
  plans.forEach((plan, i) => {
    if (plan.always) alwaysWritten.push(i);
  });
  const name = goName(type);
  const goType = goTypeOf({ t: 'ref', ref: type.name });

  const zero = () => {
    const out: Record<string, unknown> = {};
    for (const i of alwaysWritten) out[plans[i].name] = plans[i].zero();
    return out;
  };

  const decode: Decode = (value, context, depth) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw mismatch(context, depth, value, goType);
    const source = value as Record<string, unknown>;
    const present: number[] = [];
    for (const key in source) {
      const index = indexOf.get(key);
      if (index === undefined) noteUnknown(context, depth, key);
      else if (source[key] !== null && source[key] !== undefined) insert(present, index);
    }
    for (const index of alwaysWritten) insertOnce(present, index);
    const out: Record<string, unknown> = {};
    for (let i = 0; i < present.length; i++) {
      const plan = plans[present[i]];
      const given = source[plan.name];
      if (given === null || given === undefined) {
        out[plan.name] = plan.zero();
        continue;
      }
      context.owners[depth] = name;
      context.path[depth] = plan.name;
      const decoded = plan.decode(given, context, depth + 1);
      if (plan.pointer) {
        if (decoded !== undefined) out[plan.name] = decoded;
        else if (plan.always) out[plan.name] = null;
      } else if (!(plan.isMap ? isEmptyMap(decoded as object) : isEmpty(decoded))) out[plan.name] = decoded;
      else if (plan.always) {
        const keep = (plan.isBytes || Array.isArray(decoded)) && (plan.keepsEmptyList || context.keepEmptyLists);
        if (keep && !plan.keepsEmptyList) context.keptEmptyLists = true;
        out[plan.name] = keep ? decoded : plan.zero();
      } else if (plan.emptyIsSaid) out[plan.name] = decoded;
    }
    return out;
  };
  return { decode, zero };
}

function isEmptyMap(map: object): boolean {
  for (const _ in map) return false;
  return true;
}

/** Go's emptiness of strings, numbers, booleans and lists; a struct is never empty. */
function isEmpty(value: unknown): boolean {
  if (typeof value === 'object') return Array.isArray(value) ? value.length === 0 : false;
  return value === '' || value === 0 || value === false || value === undefined;
}

function insert(sorted: number[], index: number): void {
  let at = sorted.length;
  sorted.push(index);
  while (at > 0 && sorted[at - 1] > index) {
    sorted[at] = sorted[at - 1];
    at--;
  }
  sorted[at] = index;
}

function insertOnce(sorted: number[], index: number): void {
  if (!sorted.includes(index)) insert(sorted, index);
}
