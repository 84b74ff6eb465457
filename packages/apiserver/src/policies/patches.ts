/** What mutating policies make of an object: applied configurations and JSON patches. */
import { builtinTypes } from '@pilothouse/api-schemas';
import { applyJsonPatch, type KubeObject, StatusError } from '@pilothouse/apimachinery';
import { type FieldType, fieldTypeOf, fieldTypeOfCustomResource } from '@pilothouse/apimachinery/managed-fields/field-type';
import { mergeObjects } from '@pilothouse/apimachinery/managed-fields/merge';
import { CelError, MadeObject, MapValue, toJson, type Value } from '@pilothouse/cel';
import type { ResourceDefinition } from '../contract.ts';

type Json = Record<string, unknown>;

/** A patch that cannot be made or applied. */
export class PatchProblem extends Error {}

/** Objects' types name the fields they are in: `Object.spec` is what `spec` holds. */
function checkTypeNames(value: Value, path: string): void {
  if (Array.isArray(value)) {
    for (const element of value) checkTypeNames(element as Value, path);
    return;
  }
  if (!(value instanceof MapValue)) return;
  if (value instanceof MadeObject && value.celType.name !== path) throw new PatchProblem(`type mismatch: unexpected type name "${value.celType.name}", expected "${path}", which matches field name path from root Object type`);
  for (const key of value.keys()) checkTypeNames(value.find(key)!, `${path}.${String(key)}`);
}

function json(value: Value): unknown {
  try {
    return toJson(value);
  } catch (error) {
    if (error instanceof CelError) throw new PatchProblem(error.message);
    throw error;
  }
}

const typeOf = ({ codec, schema }: ResourceDefinition): FieldType => codec?.fieldType ?? (builtinTypes.has(schema) ? fieldTypeOf(builtinTypes.get(schema)!) : fieldTypeOfCustomResource(undefined));

/** What an applied configuration may not do: say a part of what is only ever said as a whole. */
function checkAtomic(type: FieldType, value: unknown, path: string): void {
  const at = path || '.';
  if (type.list && Array.isArray(value)) {
    if (type.list.atomic) throw new PatchProblem(`may not mutate atomic arrays, maps or structs: ${at}`);
    for (const item of value) checkAtomic(type.list.of, item, path);
  } else if (type.map && typeof value === 'object' && value !== null) {
    if (type.map.atomic) throw new PatchProblem(`may not mutate atomic arrays, maps or structs: ${at}`);
    for (const [key, inner] of Object.entries(value)) {
      const of = type.map.fields?.get(key)?.type ?? type.map.of;
      if (of) checkAtomic(of, inner, `${path}.${key}`);
    }
  }
}

/** The object with an applied configuration's fields. @throws PatchProblem */
export function applyConfiguration(definition: ResourceDefinition, object: KubeObject, value: Value): KubeObject {
  if (!(value instanceof MadeObject)) throw new PatchProblem('unexpected return type of applyConfiguration expression');
  checkTypeNames(value, 'Object');
  const applied = json(value) as Json;
  if ('metadata' in applied && typeof applied.metadata === 'object' && applied.metadata && 'managedFields' in applied.metadata) throw new PatchProblem('managedFields may not be set by applyConfiguration');
  const type = typeOf(definition);
  checkAtomic(type, applied, '');
  try {
    return mergeObjects(type, object as unknown as Json, applied) as unknown as KubeObject;
  } catch (error) {
    throw new PatchProblem(`error applying patch: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The object after a JSON patch; unchanged where one of its tests fails. @throws PatchProblem */
export function applyPatches(object: KubeObject, value: Value): KubeObject {
  if (!Array.isArray(value)) throw new PatchProblem('type mismatch: JSONPatchType.expression should evaluate to array');
  const operations = (value as Value[]).map((each) => {
    if (!(each instanceof MadeObject)) throw new PatchProblem('type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch');
    const patched = each.find('value');
    if (patched instanceof MadeObject) checkTypeNames(patched, patched.celType.name);
    return json(each) as { op: string; path: string };
  });
  try {
    return applyJsonPatch(object, operations) as KubeObject;
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    const message = error.cause instanceof Error ? error.cause.message : error.message;
    if (/^testing value .* failed/.test(message)) return object;
    throw new PatchProblem(`JSON Patch: ${message}`);
  }
}
