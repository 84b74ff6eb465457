/**
 * A pod template as Go's spew prints its struct: what the hash in the names of replica sets is taken of
 * (k8s.io/utils/dump ForHash). Every field of the Go type is printed, so a new field in the API makes new names.
 */
import { podTemplateStructs } from '@pilothouse/api-schemas';
import type { PodTemplateSpec } from '@pilothouse/api-schemas/types/core/v1';
import { dumpQuantity } from './quantity-dump.ts';

/** Field in Go, in JSON (`''`: embedded), its printed type, and what that is made of. */
type Row = readonly [field: string, json: string, type: string, made: string];
type Structs = Readonly<Record<string, readonly Row[]>>;

/** `structs`: another version's. What protobuf cannot tell apart (absent, `[]`, `{}` of lists and maps) prints alike. */
export const dumpTemplate = (template: PodTemplateSpec, structs: Structs = podTemplateStructs as unknown as Structs): string => `(v1.PodTemplateSpec)${dumpStruct(template, 'PodTemplateSpec', structs)}`;

function dumpStruct(value: unknown, name: string, structs: Structs): string {
  const object = (value ?? {}) as Record<string, unknown>;
  return `{${structs[name].map(([field, json, type, made]) => `${field}:(${type})${dump(json ? object[json] : object, made, structs)}`).join(' ')}}`;
}

/** `made`: `*` pointer, `[]` list, `map `, `{Struct}`, or a scalar. */
function dump(value: unknown, made: string, structs: Structs): string {
  if (made.startsWith('*')) return value === undefined || value === null ? '<nil>' : dump(value, made.slice(1), structs);
  if (made.startsWith('[]')) return isList(value) ? `[${value.map((member) => dump(member, made.slice(2), structs)).join(' ')}]` : '<nil>';
  if (made.startsWith('map ')) {
    const keys = Object.keys((value ?? {}) as object).sort();
    return keys.length ? `map[${keys.map((key) => `${key}:${dump((value as Record<string, unknown>)[key], made.slice(4), structs)}`).join(' ')}]` : '<nil>';
  }
  if (made.startsWith('{')) return dumpStruct(value, made.slice(1, -1), structs);
  switch (made) {
    case 'string':
      return (value as string | undefined) ?? '';
    case 'bool':
      return String(value ?? false);
    case 'quantity':
      return dumpQuantity(String(value ?? '0'));
    case 'intOrString':
      return typeof value === 'string' ? `{Type:(intstr.Type)1 IntVal:(int32)0 StrVal:(string)${value}}` : `{Type:(intstr.Type)0 IntVal:(int32)${value ?? 0} StrVal:(string)}`;
    case 'time':
      // A template is not created: its time is zero. (One that is set prints the zone of the machine; no two agree.)
      return '{Time:(time.Time){wall:(uint64)0 ext:(int64)0 loc:(*time.Location)<nil>}}';
    default:
      return String(value ?? 0);
  }
}

const isList = (value: unknown): value is unknown[] => Array.isArray(value) && value.length > 0;
