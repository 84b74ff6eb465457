import { configMapKey, configMaps as type, type FieldError, forbidden, invalid, nameIsDnsSubdomain, tooLong, unnamedPath } from '@pilothouse/apimachinery';
import type { ConfigMap } from '@pilothouse/api-schemas/types/core/v1';
import { defineResource } from '../define.ts';
import { same } from '../validation/equality.ts';
import { checkName } from '../validation/check-name.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from '../validation/object-meta.ts';

/** Of the values, keys aside; for secrets too. */
export const maxDataBytes = 1024 * 1024;

/** Bytes that a base64 text stands for. */
export const decodedLength = (base64: string): number => (base64.length / 4) * 3 - (base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0);

/** An object that said it is immutable stays so, and its data with it. */
export function validateImmutable<T extends { immutable?: boolean }>(errors: FieldError[], object: T, old: T, ...keys: (keyof T & string)[]): void {
  if (!old.immutable) return;
  const why = 'field is immutable when `immutable` is set';
  if (!object.immutable) errors.push(forbidden('immutable', why));
  for (const key of keys) if (!same(object[key] ?? [], old[key] ?? [])) errors.push(forbidden(key, why));
}

function validateData(errors: FieldError[], object: ConfigMap): void {
  let bytes = 0;
  for (const [key, value] of Object.entries(object.data ?? {})) {
    checkName(errors, `data[${key}]`, key, configMapKey);
    if (object.binaryData && Object.hasOwn(object.binaryData, key)) errors.push(invalid(`data[${key}]`, key, 'duplicate of key present in binaryData'));
    bytes += Buffer.byteLength(value);
  }
  for (const [key, value] of Object.entries(object.binaryData ?? {})) {
    checkName(errors, `binaryData[${key}]`, key, configMapKey);
    bytes += decodedLength(value);
  }
  if (bytes > maxDataBytes) errors.push(tooLong(unnamedPath, maxDataBytes));
}

const rules = { name: nameIsDnsSubdomain, namespaced: true };

export const configMaps = defineResource<any>(type, {
  strategy: {
    validate(object: ConfigMap) {
      const errors: FieldError[] = [];
      validateObjectMeta(errors, object.metadata, rules);
      validateData(errors, object);
      return errors;
    },
    validateUpdate(object: ConfigMap, old: ConfigMap) {
      const errors: FieldError[] = [];
      validateObjectMetaUpdate(errors, object.metadata, old.metadata);
      validateImmutable(errors, object, old, 'data', 'binaryData');
      validateObjectMeta(errors, object.metadata, rules);
      validateData(errors, object);
      return errors;
    },
  },
});
