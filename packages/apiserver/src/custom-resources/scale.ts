import type { CustomResourceSubresourceScale } from '@pilothouse/api-schemas/types/apiextensions/v1';
import { type FieldError, internalError, invalid, type KubeObject, goTypeName } from '@pilothouse/apimachinery';
import type { ScaleAccess } from '../contract.ts';

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** `.spec.replicas` → its names. */
const stepsOf = (path: string): string[] => path.replace(/^\./, '').split('.');

function read(object: unknown, steps: readonly string[]): unknown {
  let value = object;
  for (const step of steps) {
    if (!isObject(value) || !Object.hasOwn(value, step)) return undefined;
    value = value[step];
  }
  return value;
}

function write(object: Json, steps: readonly string[], value: unknown): void {
  let at = object;
  for (const step of steps.slice(0, -1)) {
    const below = at[step];
    if (value === undefined && !isObject(below)) return;
    at = (at[step] = isObject(below) ? { ...below } : {}) as Json;
  }
  const last = steps[steps.length - 1];
  if (value === undefined) delete at[last];
  else at[last] = value;
}

const wrongType = (path: string, value: unknown, wanted: string): string => `.${stepsOf(path).join('.')} accessor error: ${JSON.stringify(value)} is of the type ${goTypeName(value)}, expected ${wanted}`;

/** Where a custom resource keeps its scale, as its definition says. */
export function customScale({ specReplicasPath, statusReplicasPath, labelSelectorPath }: CustomResourceSubresourceScale): ScaleAccess<KubeObject> {
  const wanted = stepsOf(specReplicasPath);
  const observed = stepsOf(statusReplicasPath);
  const selector = labelSelectorPath ? stepsOf(labelSelectorPath) : undefined;
  const count = (object: KubeObject, steps: readonly string[], path: string): number => {
    const value = read(object, steps);
    if (value !== undefined && (typeof value !== 'number' || !Number.isInteger(value))) throw internalError(wrongType(path, value, 'int64'));
    return value ?? 0;
  };
  return {
    replicas: (object) => count(object, wanted, specReplicasPath),
    setReplicas: (object, replicas) => write(object as unknown as Json, wanted, replicas),
    statusReplicas: (object) => count(object, observed, statusReplicasPath),
    selector: (object) => {
      const text = selector && read(object, selector);
      if (text !== undefined && typeof text !== 'string') throw internalError(wrongType(labelSelectorPath!, text, 'string'));
      return text ?? '';
    },
    absent: (object) => (read(object, wanted) === undefined ? `the spec replicas field ${JSON.stringify(specReplicasPath)} does not exist` : undefined),
  };
}

const mostReplicas = 2 ** 31 - 1;

function validateCount(object: KubeObject, path: string): FieldError[] {
  const value = read(object, stepsOf(path)) ?? 0;
  if (typeof value !== 'number' || !Number.isInteger(value)) return [invalid(path, 0, wrongType(path, value, 'int64'))];
  if (value < 0) return [invalid(path, value, 'should be a non-negative integer')];
  return value > mostReplicas ? [invalid(path, value, `should be less than or equal to ${mostReplicas}`)] : [];
}

export const validateScaleSpec = (object: KubeObject, scale: CustomResourceSubresourceScale | undefined): FieldError[] => (scale ? validateCount(object, scale.specReplicasPath) : []);

export function validateScaleStatus(object: KubeObject, scale: CustomResourceSubresourceScale | undefined): FieldError[] {
  if (!scale) return [];
  const errors = validateCount(object, scale.statusReplicasPath);
  const path = scale.labelSelectorPath;
  const selector = path ? read(object, stepsOf(path)) : undefined;
  if (path && selector !== undefined && typeof selector !== 'string') errors.push(invalid(path, '', wrongType(path, selector, 'string')));
  return errors;
}
